import { AttemptKind } from "@penstock/api";
import type { CompiledTarget } from "@penstock/snapshot";
import type { AttemptSequence } from "./attempt-sequence.ts";
import type { SkippedTarget } from "./plan-attempts.ts";
import { admitTarget } from "./plan-for-context.ts";
import type { AdmissionParts } from "./plan-for-context.ts";
import { limitReached } from "./panic-rule.ts";

/** Why a target is not asked although it was planned. */
export type TurnObstacle = Pick<SkippedTarget, "rule" | "reason"> & {
  readonly untilMs?: number | undefined;
};

const connectionsFull = { rule: "full", reason: "all of its connections are in use" };

type TurnParts = Pick<AdmissionParts, "clock" | "health" | "upstream">;

/**
 * Whose turn it is. What has nothing left of a limit by the time a fallback comes to it gives its
 * turn to those behind it while one of them is well, and has its own behind them all.
 */
export function nextInTurn(
  sequence: Pick<AttemptSequence, "kind" | "remaining" | "target" | "postpone">,
  parts: TurnParts,
): CompiledTarget | undefined {
  const isWell = (one: CompiledTarget): boolean =>
    !parts.upstream.isFull(one) && admitTarget(one, parts).ok;
  while (sequence.kind === AttemptKind.FALLBACK && sequence.target !== undefined) {
    const admitted = admitTarget(sequence.target, parts);
    if (admitted.ok || admitted.rule !== limitReached) break;
    // Each round brings the one that is well nearer, so this ends.
    if (!sequence.remaining.some(isWell)) break;
    sequence.postpone();
  }
  return sequence.target;
}

/**
 * Why a planned target is passed over when its turn comes; undefined: it is asked. An attempt may
 * have taken minutes: what was healthy when planned may not be any more.
 */
export function turnObstacle(
  target: CompiledTarget,
  sequence: Pick<AttemptSequence, "kind" | "remaining">,
  parts: TurnParts,
): TurnObstacle | undefined {
  if (parts.upstream.isFull(target)) return connectionsFull;
  if (sequence.kind !== AttemptKind.FALLBACK) return undefined;
  const admitted = admitTarget(target, parts);
  if (admitted.ok || admitted.rule === limitReached) return undefined;
  const last = sequence.remaining.length === 0;
  return last && admitted.inNeed === true ? undefined : admitted;
}
