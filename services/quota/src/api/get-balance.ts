import type { ServiceImpl } from "@connectrpc/connect";
import type { BalanceService } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import type { Clock } from "@penstock/runtime";

import type { QuotaInstance } from "../ledger/ledger-page.ts";
import { resourceOfKey } from "../ledger/quota-rule.ts";
import type { QuotaConfiguration } from "../ledger/quota-rule.ts";
import { currentAccounts, findQuotas } from "../storage/balance-store.ts";
import { toInstance } from "../storage/ledger-store.ts";
import type { LedgerDatabase } from "../storage/ledger-database.ts";
import { currentInstance, toBalance, untouchedInstance } from "./to-balance.ts";

/** What reading balances needs. */
export interface BalanceDependencies {
  readonly db: LedgerDatabase;
  readonly clock: Clock;
  readonly configuration: QuotaConfiguration;
}

/** Handles `GetBalance`. */
export function getBalance(
  dependencies: BalanceDependencies,
): ServiceImpl<typeof BalanceService>["getBalance"] {
  return async ({ quota }) => {
    const instance = await findInstance(dependencies, quota);
    const nowMs = dependencies.clock.wallMs();
    const accounts = await currentAccounts(dependencies.db, [quota], nowMs);
    return { balance: toBalance(instance, accounts, nowMs) };
  };
}

/**
 * The instance with this key. Throws FIELD_INVALID when it is no key, RESOURCE_NOT_FOUND when no
 * limit or budget has it.
 */
export async function findInstance(
  { db, configuration }: Pick<BalanceDependencies, "db" | "configuration">,
  quota: string,
): Promise<QuotaInstance> {
  const resource = resourceOfKey(quota);
  if (resource === undefined) {
    const description = "must be the key of a limit or budget, such as budgets/demo";
    throw new GatewayError("FIELD_INVALID", `The field quota ${description}.`, {
      fieldViolations: [{ field: "quota", description }],
    });
  }
  const definition = configuration.current()?.quotas.get(resource);
  const [row] = await findQuotas(db, [quota]);
  if (row !== undefined) return currentInstance(toInstance(row, definition), definition);
  if (definition !== undefined) return untouchedInstance(quota, definition);
  throw new GatewayError("RESOURCE_NOT_FOUND", `There is no quota ${quota}.`, {
    resource: { type: resource.split("/")[0] ?? "", name: resource },
  });
}
