import type { Budget, Limit } from "@penstock/api";
import { BudgetPeriod, Durability, UnavailableMode } from "@penstock/api";
import { quotaKey } from "@penstock/limits";

import { compileRequestMatcher, inScope, readScope, readSelector } from "./scope.ts";
import type { CompiledQuota } from "./snapshot.ts";

/** Keys kept of a quota that counts end users apart; more are made anew when asked for. */
const keptKeyCount = 1_024;

/** Makes a limit ready. The limit must have passed validation. */
export function compileLimit(limit: Limit, revision: bigint): CompiledQuota {
  const { amount } = limit;
  return {
    ...compileCommon(limit, revision),
    kind: "limit",
    unit: amount.case === "tokensPerMinute" ? "tokens" : "requests",
    amount: amount.value ?? 0n,
    period: "minute",
    timeZone: "UTC",
    onUnavailable: readUnavailable(limit.onUnavailable, "allow_capped"),
  };
}

/** Makes a budget ready. The budget must have passed validation. */
export function compileBudget(budget: Budget, revision: bigint): CompiledQuota {
  return {
    ...compileCommon(budget, revision),
    kind: "budget",
    unit: "nano_usd",
    amount: budget.amountNanoUsd,
    period: budget.period === BudgetPeriod.DAY ? "day" : "month",
    timeZone: budget.timeZone === "" ? "UTC" : budget.timeZone,
    onUnavailable: readUnavailable(budget.onUnavailable, "deny"),
  };
}

type CommonPart = Pick<
  CompiledQuota,
  "name" | "revision" | "synced" | "scopeName" | "selector" | "appliesTo" | "matches" | "keyFor"
>;

function compileCommon(quota: Limit | Budget, revision: bigint): CommonPart {
  const scope = readScope(quota.scope);
  const selector = readSelector(quota.selector);
  return {
    name: quota.name,
    revision,
    synced: quota.durability === Durability.SYNCED,
    scopeName: scope.scopeName,
    selector,
    appliesTo: (caller) => inScope(scope, caller),
    matches: compileRequestMatcher(selector),
    keyFor: selector.endUserEach ? keyPerEndUser(quota.name) : oneKey(quota.name),
  };
}

function oneKey(name: string): () => string {
  const key = quotaKey(name);
  return () => key;
}

function keyPerEndUser(name: string): (endUser: string) => string {
  const kept = new Map<string, string>();
  return (endUser) => {
    const known = kept.get(endUser);
    if (known !== undefined) return known;
    const key = quotaKey(name, { end_user: endUser });
    if (kept.size >= keptKeyCount) kept.clear();
    kept.set(endUser, key);
    return key;
  };
}

function readUnavailable(
  mode: UnavailableMode,
  byDefault: CompiledQuota["onUnavailable"],
): CompiledQuota["onUnavailable"] {
  if (mode === UnavailableMode.DENY) return "deny";
  if (mode === UnavailableMode.ALLOW_CAPPED) return "allow_capped";
  if (mode === UnavailableMode.ALLOW) return "allow";
  return byDefault;
}
