import {
  MessageRole,
  ToolChoiceMode,
  type GenerateRequest,
  type Sampling,
  type ToolChoice,
} from "@penstock/api";
import type { ClaudeRules } from "./claude-rules.ts";
import type { TargetRequest } from "./format.ts";

/** Whether one of the tools must be called. */
export function forcesTool(choice: ToolChoice | undefined): boolean {
  return choice?.mode === ToolChoiceMode.REQUIRED || choice?.mode === ToolChoiceMode.NAMED;
}

/** Something of a request that a model does not take, and that it makes no sense without. */
export interface Untakable {
  readonly path: string;
  readonly what: string;
}

/** What of a request the model would refuse; undefined: nothing. Another target may take it. */
export function untakable(
  { messages, tools, toolChoice }: GenerateRequest,
  rules: ClaudeRules,
): Untakable | undefined {
  if (!rules.forcedTools && tools.length > 0 && forcesTool(toolChoice)) {
    return {
      path: "tool_choice",
      what: "a tool that must be called, which this model does not take",
    };
  }
  if (rules.prefill || messages.at(-1)?.role !== MessageRole.ASSISTANT) return undefined;
  return {
    path: `messages[${messages.length - 1}]`,
    what: "the beginning of an answer, with which this model does not go on",
  };
}

/** Texts that may end an answer: those without a visible character are refused with 400. */
export function claudeStops(
  sampling: Sampling | undefined,
  warn: TargetRequest["warn"] | undefined,
): string[] | undefined {
  const stops = sampling?.stopSequences ?? [];
  if (stops.length === 0) return undefined;
  const kept = stops.filter((stop) => stop.trim() !== "");
  if (kept.length < stops.length) {
    warn?.("parameter_dropped: a stop sequence of white space alone");
  }
  return kept.length === 0 ? undefined : kept;
}
