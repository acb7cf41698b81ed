import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { BalanceSchema, QuotaUnit } from "@penstock/api";
import type { Balance } from "@penstock/api";

import type { Account } from "../ledger/account.ts";
import { balanceOf } from "../ledger/balance.ts";
import type { QuotaInstance } from "../ledger/ledger-page.ts";
import type { QuotaDefinition } from "../ledger/quota-rule.ts";

const units = {
  requests: QuotaUnit.REQUESTS,
  tokens: QuotaUnit.TOKENS,
  nano_usd: QuotaUnit.NANO_USD,
};

/** The balance of an instance as a message. */
export function toBalance(
  instance: QuotaInstance,
  accounts: readonly Account[],
  nowMs: number,
): Balance {
  const balance = balanceOf(instance, accounts, nowMs);
  const { resetMs } = balance;
  return create(BalanceSchema, {
    quota: instance.quota,
    resource: instance.resource,
    unit: units[instance.unit],
    limit: balance.amount ?? 0n,
    posted: balance.posted,
    pending: balance.pending,
    leased: balance.leased,
    available: balance.available,
    overshoot: balance.overshoot,
    periodStartTime: timestampFromMs(balance.periodStartMs),
    ...(resetMs === undefined ? {} : { resetTime: timestampFromMs(resetMs) }),
  });
}

/** An instance that nothing was ever lent of or charged to. */
export function untouchedInstance(quota: string, definition: QuotaDefinition): QuotaInstance {
  const { name: resource, unit, period, amount } = definition;
  return { quota, resource, unit, period, amount, definition, usedMs: 0 };
}

/** An instance of a row, with the rule of now in the place of the one last noted. */
export function currentInstance(
  instance: QuotaInstance,
  definition: QuotaDefinition | undefined,
): QuotaInstance {
  if (definition === undefined) return instance;
  return { ...untouchedInstance(instance.quota, definition), usedMs: instance.usedMs };
}
