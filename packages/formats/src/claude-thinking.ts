import { ToolChoiceMode, type GenerateRequest, type Sampling } from "@penstock/api";
import type { TargetRequest } from "./format.ts";

// What Claude takes beside thinking, wherever it is served (Anthropic's documentation of extended
// thinking, "Feature compatibility"). Anything else is refused with 400.

/** The smallest budget. Unit: tokens. */
const minBudgetTokens = 1_024;
/** The smallest `top_p` beside thinking. */
const minTopP = 0.95;

/** How Claude is told to think with a budget. */
export interface ClaudeThinking {
  readonly type: "enabled";
  readonly budget_tokens: number;
}

/**
 * Thinking by the request's budget, which must leave room below `maxTokens`, where those are known;
 * undefined where none is asked for or can be had. A tool that must be called leaves no thinking.
 */
export function claudeThinking(
  { reasoning, toolChoice }: GenerateRequest,
  maxTokens: number | undefined,
  { warn }: TargetRequest,
): ClaudeThinking | undefined {
  const budget = reasoning?.maxTokens;
  if (budget === undefined) return undefined;
  const mode = toolChoice?.mode;
  if (mode === ToolChoiceMode.REQUIRED || mode === ToolChoiceMode.NAMED) {
    warn?.("parameter_dropped: the model can't think where a tool must be called");
    return undefined;
  }
  const fitting = Math.min(Math.max(budget, minBudgetTokens), (maxTokens ?? Infinity) - 1);
  if (fitting < minBudgetTokens) {
    warn?.("parameter_dropped: no room to think below the number of output tokens");
    return undefined;
  }
  if (fitting !== budget) {
    warn?.(`parameter_changed: the budget to think with is ${fitting} tokens`);
  }
  return { type: "enabled", budget_tokens: fitting };
}

/** Sampling as it may stand beside thinking; what may not is left out, and `warn` is told. */
export function besideThinking(
  sampling: Sampling | undefined,
  thinks: boolean,
  { warn }: TargetRequest,
): Sampling | undefined {
  if (sampling === undefined || !thinks) return sampling;
  const kept: Sampling = { ...sampling };
  const drop = (name: "temperature" | "topK" | "topP"): void => {
    if (kept[name] === undefined) return;
    kept[name] = undefined;
    warn?.(`parameter_dropped: ${name} can't be set where the model thinks`);
  };
  if (kept.temperature !== 1) drop("temperature");
  if ((kept.topP ?? 1) < minTopP) drop("topP");
  drop("topK");
  return kept;
}
