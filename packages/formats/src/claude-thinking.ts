import { MessageRole, type Message, type GenerateRequest, type Sampling } from "@penstock/api";
import { forcesTool } from "./claude-request.ts";
import type { ClaudeRules } from "./claude-rules.ts";
import type { FormatName, TargetRequest } from "./format.ts";
import { ownSignature } from "./own-signature.ts";

// What Claude takes beside thinking, wherever it is served (Anthropic's documentation of extended
// thinking, "Feature compatibility"). Anything else is refused with 400.

/** The smallest budget. Unit: tokens. */
const minBudgetTokens = 1_024;
/** The smallest `top_p` beside thinking. */
const minTopP = 0.95;
/** The largest limit of output that an effort is taken of. Unit: tokens. */
const mostMaxTokens = 32_000;

/**
 * Shares of the largest output that are a budget for an effort, as OpenRouter has them
 * (openrouter.ai/docs/use-cases/reasoning-tokens).
 */
const shareByEffort: ReadonlyMap<string, number> = new Map([
  ["minimal", 0.1],
  ["low", 0.2],
  ["medium", 0.5],
  ["high", 0.8],
  ["xhigh", 0.95],
  ["max", 0.95],
]);

/** How Claude is told to think. */
export type ClaudeThinking =
  | { readonly type: "enabled"; readonly budget_tokens: number }
  | { readonly type: "adaptive"; readonly display?: "summarized" }
  | { readonly type: "disabled" | "between_tools" };

/** What is known of the target beside the request. */
export interface ClaudeTarget {
  readonly rules: ClaudeRules;
  /** Told of what is left out or said in another way. */
  readonly warn: TargetRequest["warn"] | undefined;
  /** Largest number of output tokens; undefined: the model's own. */
  readonly maxTokens: number | undefined;
  /** Format of the target, whose proofs of earlier thoughts it takes back. */
  readonly format: FormatName;
}

/** Whether thoughts may come, which leaves less room for other parameters. */
export function thinks(thinking: ClaudeThinking | undefined): boolean {
  return thinking?.type === "enabled" || thinking?.type === "adaptive";
}

/**
 * Thinking by the request's budget, or by an effort that came in the words of another format;
 * undefined where none is asked for or can be had. A tool that must be called leaves no thinking.
 */
export function claudeThinking(
  { reasoning, toolChoice, messages }: GenerateRequest,
  target: ClaudeTarget,
): ClaudeThinking | undefined {
  const { maxTokens: budget, effort } = reasoning ?? {};
  const { rules, warn } = target;
  if (budget === undefined && effort === "none") return thinkingOff(target);
  if (budget === undefined && (effort === undefined || !mayThink(rules, effort))) return undefined;
  if (forcesTool(toolChoice)) {
    warn?.("parameter_dropped: the model can't think where a tool must be called");
    return undefined;
  }
  if (rules.adaptive && (budget === undefined || !rules.budgets)) {
    if (budget !== undefined) {
      warn?.("approximated: the model decides itself how many tokens it thinks with");
    }
    return rules.hidesThoughts ? { type: "adaptive", display: "summarized" } : { type: "adaptive" };
  }
  if (!rules.budgets) {
    warn?.("parameter_dropped: the model can't be told to think");
    return undefined;
  }
  if (lacksThought(messages, target.format)) {
    warn?.("parameter_dropped: the model can't think on where it thought nothing that is known");
    return undefined;
  }
  return budget === undefined
    ? thinkingByEffort(effort ?? "", target)
    : thinkingByBudget(budget, target);
}

/**
 * Whether the results of tools answer a turn that does not begin with a thought: with a budget the
 * API refuses to think then ("Preserving thinking blocks" of its documentation).
 */
function lacksThought(messages: readonly Message[], format: FormatName): boolean {
  const last = messages.findLastIndex(({ role }) => role === MessageRole.ASSISTANT);
  const parts = messages[last]?.parts ?? [];
  if (!parts.some(({ part }) => part.case === "toolCall")) return false;
  const [first] = parts;
  return first?.part.case !== "reasoning" || ownSignature(first.part.value, format) === undefined;
}

/** Whether thinking for an effort is certain to be understood. */
function mayThink({ adaptive, efforts, budgets }: ClaudeRules, effort: string): boolean {
  if (adaptive) return shareByEffort.has(effort);
  // A model that knows every effort but no thinking of its own choice is one of an unknown name.
  return shareByEffort.has(effort) && (!budgets || efforts.length < 5);
}

function thinkingOff({ rules, warn }: ClaudeTarget): ClaudeThinking | undefined {
  if (rules.off !== undefined) return { type: rules.off };
  warn?.("approximated: the model can't be kept from thinking; it thinks least");
  return undefined;
}

function thinkingByEffort(effort: string, target: ClaudeTarget): ClaudeThinking | undefined {
  const share =
    (shareByEffort.get(effort) ?? 0) * Math.min(target.maxTokens ?? mostMaxTokens, mostMaxTokens);
  const budget = Math.max(Math.floor(share), minBudgetTokens);
  target.warn?.(`approximated: the effort ${effort} is ${budget} tokens to think with`);
  return thinkingByBudget(budget, target);
}

/** The budget must leave room below the number of output tokens. */
function thinkingByBudget(
  budget: number,
  { maxTokens, warn }: ClaudeTarget,
): ClaudeThinking | undefined {
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

/** The effort in the words of the model, the next one below where it does not know it. */
export function claudeEffort(
  effort: string | undefined,
  { rules, warn }: ClaudeTarget,
): string | undefined {
  if (effort === undefined) return undefined;
  const { efforts, off } = rules;
  // What can't be kept from thinking thinks least.
  if (effort === "none") return off === undefined ? efforts[0] : undefined;
  if (efforts.includes(effort)) return effort;
  if (!shareByEffort.has(effort)) {
    warn?.(`parameter_dropped: the effort ${effort} has no place here`);
    return undefined;
  }
  // Said as a budget, or not at all, which is told there.
  if (efforts.length === 0) return undefined;
  const known = effort === "minimal" ? "low" : "high";
  warn?.(`parameter_changed: the effort ${effort} is ${known}`);
  return known;
}

/** Sampling as the model takes it; what it does not is left out, and `warn` is told. */
export function claudeSampling(
  sampling: Sampling | undefined,
  thinking: ClaudeThinking | undefined,
  { rules, warn }: ClaudeTarget,
): Sampling | undefined {
  if (sampling === undefined || (rules.sampling === "free" && !thinks(thinking))) return sampling;
  const kept: Sampling = { ...sampling };
  const drop = (name: "temperature" | "topK" | "topP", why: string): void => {
    const value = kept[name];
    if (value === undefined) return;
    kept[name] = undefined;
    // What is the default says nothing.
    if (name === "topK" || value !== 1) warn?.(`parameter_dropped: ${name} ${why}`);
  };
  if (rules.sampling === "none") {
    for (const name of ["temperature", "topP", "topK"] as const) {
      drop(name, "can't be set for this model");
    }
    return kept;
  }
  if (rules.sampling === "one" && kept.temperature !== undefined) {
    const isDefault = kept.temperature === 1 && kept.topP !== 1 && kept.topP !== undefined;
    drop(isDefault ? "temperature" : "topP", "can't be set beside temperature for this model");
  }
  if (!thinks(thinking)) return kept;
  const why = "can't be set where the model thinks";
  if (kept.temperature !== 1) drop("temperature", why);
  if ((kept.topP ?? 1) < minTopP) drop("topP", why);
  drop("topK", why);
  return kept;
}
