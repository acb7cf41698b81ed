import type { ServiceImpl } from "@connectrpc/connect";
import { ListBalancesRequestSchema } from "@penstock/api";
import type { BalanceService } from "@penstock/api";
import { listQuery, pageSize } from "@penstock/rpc";
import type { PageTokens } from "@penstock/rpc";

import type { QuotaInstance } from "../ledger/ledger-page.ts";
import type { QuotaDefinition } from "../ledger/quota-rule.ts";
import { currentAccounts, listQuotas } from "../storage/balance-store.ts";
import { toInstance } from "../storage/ledger-store.ts";
import type { BalanceDependencies } from "./get-balance.ts";
import { currentInstance, toBalance, untouchedInstance } from "./to-balance.ts";

/** Handles `ListBalances`: instances that were used, and quotas that nobody has used yet. */
export function listBalances(
  dependencies: BalanceDependencies & { readonly pageTokens: PageTokens },
): ServiceImpl<typeof BalanceService>["listBalances"] {
  const { db, clock, configuration, pageTokens } = dependencies;
  return async (request) => {
    const size = pageSize(request.pageSize, { byDefault: 100, max: 1_000 });
    const query = listQuery(ListBalancesRequestSchema, request);
    const after = request.pageToken === "" ? "" : pageTokens.decode(request.pageToken, query);
    const { resource } = request;
    const definitions = configuration.current()?.quotas ?? new Map<string, QuotaDefinition>();
    const rows = await listQuotas(db, { resource, after, size: size + 1 });
    const instances = new Map<string, QuotaInstance>();
    for (const one of untouched(definitions, resource, after)) instances.set(one.quota, one);
    for (const row of rows) {
      const definition = definitions.get(row.resource);
      instances.set(row.quota, currentInstance(toInstance(row, definition), definition));
    }
    const sorted = [...instances.values()].toSorted((a, b) => compareBytes(a.quota, b.quota));
    const page = sorted.slice(0, size);
    const nowMs = clock.wallMs();
    const keys = page.map((instance) => instance.quota);
    const accounts = Map.groupBy(await currentAccounts(db, keys, nowMs), (one) => one.quota);
    const last = page.at(-1);
    return {
      balances: page.map((one) => toBalance(one, accounts.get(one.quota) ?? [], nowMs)),
      nextPageToken:
        last === undefined || sorted.length <= size ? "" : pageTokens.encode(last.quota, query),
    };
  };
}

/** Quotas by their plain key; those that count end users apart have none. */
function untouched(
  definitions: ReadonlyMap<string, QuotaDefinition>,
  resource: string,
  after: string,
): QuotaInstance[] {
  const found: QuotaInstance[] = [];
  for (const definition of definitions.values()) {
    if (resource !== "" && definition.name !== resource) continue;
    const quota = definition.keyFor("");
    if (quota !== definition.name || compareBytes(quota, after) <= 0) continue;
    found.push(untouchedInstance(quota, definition));
  }
  return found;
}

/** The order of the database's collation "C". */
function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
