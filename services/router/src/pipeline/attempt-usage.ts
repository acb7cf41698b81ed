import { UsageSource } from "@penstock/api";
import type { TokenUsage } from "@penstock/api";
import type { UsageEstimate } from "@penstock/pricing";
import { checkTokenCounts, rateUsage } from "@penstock/pricing";
import type { CompiledDeployment } from "@penstock/snapshot";
import type { AttemptRun } from "./attempt-run.ts";
import type { OutputCalibration } from "./output-estimate.ts";

/** What an attempt used and what that costs. */
export interface RatedUsage {
  readonly usage: TokenUsage;
  /** Unit: nano-USD. Undefined: the deployment has no price. */
  readonly costNanoUsd: bigint | undefined;
}

/**
 * What an attempt used: as the provider reported it, else estimated from what was sent and
 * received. A request that may have been read and was never answered may be billed: its input
 * counts (reliability §2.2). Undefined when the provider can't have billed anything: nothing was
 * sent, or it refused.
 */
export function attemptUsage(
  run: AttemptRun,
  reported: TokenUsage | undefined,
  estimate: UsageEstimate,
  calibration: OutputCalibration,
): TokenUsage | undefined {
  if (reported !== undefined) {
    if (run.deltas > 0 && reported.outputTokens !== undefined) {
      const { name } = run.target.deployment;
      calibration.learn(name, run.deltas, Number(reported.outputTokens));
    }
    return reported;
  }
  if (!run.wasHeard) return run.wasSent ? estimatedUsage(estimate.inputTokens, 0) : undefined;
  const answering = run.httpStatus >= 200 && run.httpStatus < 300;
  if (!answering) return undefined;
  // Nothing was to be written: the bytes of vectors are no output.
  if (estimate.outputTokens === 0) return estimatedUsage(estimate.inputTokens, 0);
  const received = receivedTokens(run, estimate, calibration);
  const outputTokens = Math.min(estimate.mostOutputTokens, received);
  return withToldCounts(estimatedUsage(estimate.inputTokens, outputTokens), run.usageSoFar);
}

/**
 * Output tokens of what was received: by the pieces of a stream, by what the model wrote of a whole
 * answer. What can't be read may be anything: it is no more than was held for it.
 */
function receivedTokens(
  run: AttemptRun,
  estimate: UsageEstimate,
  calibration: OutputCalibration,
): number {
  if (run.deltas > 0) return calibration.estimateStream(run.target.deployment.name, run.deltas);
  if (run.contentBytes !== undefined) return calibration.estimateWhole(run.contentBytes);
  return Math.min(estimate.outputTokens, calibration.estimateWhole(run.answerBytes));
}

/**
 * An estimate with what the provider told before its answer broke off: a conversation that was read
 * from its cache must not be paid for as if it were new. Some servers begin with zeros.
 */
function withToldCounts(estimated: TokenUsage, told: TokenUsage | undefined): TokenUsage {
  if (told === undefined) return estimated;
  const knowsInput = (told.inputTokens ?? 0n) > 0n;
  const joined: TokenUsage = { ...(knowsInput ? told : estimated), source: estimated.source };
  const [sent = 0n, most = 0n] = [told.outputTokens, estimated.outputTokens];
  joined.outputTokens = sent > most ? sent : most;
  return joined;
}

/** Counts that Penstock estimated. */
export function estimatedUsage(inputTokens: number, outputTokens: number): TokenUsage {
  return {
    $typeName: "penstock.type.v1.TokenUsage",
    inputTokens: BigInt(inputTokens),
    outputTokens: BigInt(outputTokens),
    source: UsageSource.ESTIMATED,
  };
}

/** Cost of an attempt by the price book of the pinned snapshot, for the tier that served it. */
export function attemptCost(
  usage: TokenUsage,
  deployment: CompiledDeployment,
  wallMs: number,
  serviceTier: string,
): bigint | undefined {
  const prices = deployment.pricesAt(wallMs);
  if (prices === undefined) return undefined;
  return rateUsage(checkTokenCounts(usage).counts, prices, serviceTier);
}

/** Sum over attempts; reported only when every part is. */
export function addUsage(sum: TokenUsage | undefined, next: TokenUsage): TokenUsage {
  if (sum === undefined) return next;
  const total: TokenUsage = { $typeName: "penstock.type.v1.TokenUsage", source: sum.source };
  if (next.source === UsageSource.ESTIMATED) total.source = UsageSource.ESTIMATED;
  for (const count of counts) {
    const a = sum[count];
    const b = next[count];
    if (a !== undefined || b !== undefined) total[count] = (a ?? 0n) + (b ?? 0n);
  }
  return total;
}

const counts = [
  "inputTokens",
  "cacheReadInputTokens",
  "cacheWriteInputTokens",
  "cacheWrite1hInputTokens",
  "audioInputTokens",
  "outputTokens",
  "reasoningOutputTokens",
  "audioOutputTokens",
  "audioCacheReadInputTokens",
  "imageInputTokens",
  "imageOutputTokens",
] as const;
