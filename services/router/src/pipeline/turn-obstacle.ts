import { AttemptKind } from "@penstock/api";
import type { CompiledTarget } from "@penstock/snapshot";
import type { AttemptSequence } from "./attempt-sequence.ts";
import type { SkippedTarget } from "./plan-attempts.ts";
import { admitTarget } from "./plan-for-context.ts";
import type { AdmissionParts } from "./plan-for-context.ts";

/** Why a target is not asked although it was planned. */
export type TurnObstacle = Pick<SkippedTarget, "rule" | "reason"> & {
  readonly untilMs?: number | undefined;
};

const connectionsFull = { rule: "full", reason: "all of its connections are in use" };

/**
 * Why a planned target is passed over when its turn comes; undefined: it is asked. An attempt may
 * have taken minutes: what was healthy when planned may not be any more.
 */
export function turnObstacle(
  target: CompiledTarget,
  sequence: Pick<AttemptSequence, "kind" | "remaining">,
  parts: Pick<AdmissionParts, "clock" | "health" | "upstream">,
): TurnObstacle | undefined {
  if (parts.upstream.isFull(target)) return connectionsFull;
  if (sequence.kind !== AttemptKind.FALLBACK) return undefined;
  const admitted = admitTarget(target, parts);
  if (admitted.ok) return undefined;
  const last = sequence.remaining.length === 0;
  return last && admitted.inNeed === true ? undefined : admitted;
}
