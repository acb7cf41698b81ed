import type { UsageFacts } from "../consumers/usage-facts.ts";

/** Length of the time that one rollup sums. */
export const hourMs = 3_600_000;

/** The start of the hour that contains `atMs`. */
export function hourOf(atMs: number): number {
  return Math.floor(atMs / hourMs) * hourMs;
}

/** The sums of requests of one hour whose dimensions are those of `of`. */
export interface HourSums {
  readonly hourMs: number;
  readonly of: UsageFacts;
  requests: bigint;
  attempts: bigint;
  inputTokens: bigint;
  outputTokens: bigint;
  costNanoUsd: bigint;
  estimatedRequests: bigint;
  unpricedRequests: bigint;
}

/** Sums requests by hour and dimensions, in one order for all transactions. */
export function rollUpHours(batch: readonly UsageFacts[]): HourSums[] {
  const sums = new Map<string, HourSums>();
  for (const facts of batch) {
    const key = JSON.stringify([hourOf(facts.startMs), ...dimensionsOf(facts)]);
    let sum = sums.get(key);
    if (sum === undefined) {
      sum = emptySums(facts);
      sums.set(key, sum);
    }
    sum.requests += 1n;
    sum.attempts += BigInt(facts.attempts);
    sum.inputTokens += facts.inputTokens;
    sum.outputTokens += facts.outputTokens;
    sum.costNanoUsd += facts.costNanoUsd;
    if (facts.estimated) sum.estimatedRequests += 1n;
    if (facts.unpriced) sum.unpricedRequests += 1n;
  }
  return [...sums.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, sum]) => sum);
}

function dimensionsOf(facts: UsageFacts): (string | number)[] {
  const { team, project, virtualKey, model, provider, deployment, route, outcome } = facts;
  const names = [team, project, virtualKey, model, provider, deployment, route, outcome];
  return [...names, facts.endUser, facts.serviceTier];
}

function emptySums(of: UsageFacts): HourSums {
  return {
    hourMs: hourOf(of.startMs),
    of,
    requests: 0n,
    attempts: 0n,
    inputTokens: 0n,
    outputTokens: 0n,
    costNanoUsd: 0n,
    estimatedRequests: 0n,
    unpricedRequests: 0n,
  };
}
