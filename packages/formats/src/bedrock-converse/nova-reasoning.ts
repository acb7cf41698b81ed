import type { TargetRequest } from "../format.ts";

const efforts: ReadonlyMap<string, string> = new Map([
  ["minimal", "low"],
  ["low", "low"],
  ["medium", "medium"],
  ["high", "high"],
]);

/**
 * How a model of Amazon is told to think, among the fields of its own; undefined where it is not. The
 * second generation of Nova thinks by an effort (nova2-userguide, "Extended thinking").
 */
export function novaReasoning(
  effort: string | undefined,
  { model, warn }: TargetRequest,
): Record<string, unknown> | undefined {
  if (effort === undefined || effort === "none") return undefined;
  if (!/\bnova-2-/.test(model)) {
    warn?.("parameter_dropped: reasoning.effort can't be said to this model at Bedrock");
    return undefined;
  }
  const known = efforts.get(effort) ?? "high";
  if (known !== effort) warn?.(`reasoning_effort_approximated: ${effort} is sent as ${known}`);
  return { type: "enabled", maxReasoningEffort: known };
}
