import type { ConnectRouter } from "@connectrpc/connect";
import { BalanceService, LeaseService, LedgerService } from "@penstock/api";
import { handlersWithStorageErrors } from "@penstock/database";
import type { PageTokens } from "@penstock/rpc";

import type { QuotaEvents } from "../events.ts";
import type { SyncQueue } from "../leases/sync-queue.ts";
import { createAdjustment } from "./create-adjustment.ts";
import { getBalance } from "./get-balance.ts";
import type { BalanceDependencies } from "./get-balance.ts";
import { listBalances } from "./list-balances.ts";
import { listTransfers } from "./list-transfers.ts";
import { returnLeases } from "./return-leases.ts";
import { syncLeases } from "./sync-leases.ts";

/** What the handlers use. */
export interface RouteDependencies extends BalanceDependencies {
  readonly queue: SyncQueue;
  readonly pageTokens: PageTokens;
  /** Throws as long as the database was not prepared. */
  started(): unknown;
  readonly events: QuotaEvents;
}

/** Registers every RPC of `penstock.quota.v1`. */
export function quotaRoutes(dependencies: RouteDependencies): (router: ConnectRouter) => void {
  const { queue, started } = dependencies;
  return (router) => {
    const leases = {
      syncLeases: syncLeases(queue),
      returnLeases: returnLeases(queue),
    };
    router.service(LeaseService, handlersWithStorageErrors(leases, started));
    const balances = {
      getBalance: getBalance(dependencies),
      listBalances: listBalances(dependencies),
    };
    router.service(BalanceService, handlersWithStorageErrors(balances, started));
    const ledger = {
      listTransfers: listTransfers(dependencies),
      createAdjustment: createAdjustment(dependencies),
    };
    router.service(LedgerService, handlersWithStorageErrors(ledger, started));
  };
}
