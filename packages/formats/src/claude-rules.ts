import { oncePerName } from "./once-per-name.ts";

/** How a model of Anthropic is told not to think. */
export type ThinkingOff = "disabled" | "between_tools";

/** What a model of Anthropic takes, wherever it is served; the rest it refuses with 400. */
export interface ClaudeRules {
  /** Whether it takes a budget of tokens to think with. */
  readonly budgets: boolean;
  /** Whether it can decide itself how long it thinks. */
  readonly adaptive: boolean;
  /** Whether its thoughts are shown only where that is asked for. */
  readonly hidesThoughts: boolean;
  /** Efforts that it knows, from the least on. */
  readonly efforts: readonly string[];
  /** Absent: it always thinks. */
  readonly off?: ThinkingOff;
  /** `free`: as any; `one`: temperature or `top_p`, not both; `none`: neither, and no `top_k`. */
  readonly sampling: "free" | "one" | "none";
  /** Whether it goes on with an answer whose beginning is the last message. */
  readonly prefill: boolean;
  /** Whether it can be told to call a tool. */
  readonly forcedTools: boolean;
  /**
   * Output tokens to ask for where nobody says how many, as the API wants a number: all that older
   * models have beside a long input, which together must fit their context; later ones stop where
   * it is full.
   */
  readonly usualMaxTokens: number;
}

/** A name that tells nothing is left to the provider. */
const unknown: ClaudeRules = {
  budgets: true,
  adaptive: false,
  hidesThoughts: false,
  efforts: ["low", "medium", "high", "xhigh", "max"],
  off: "disabled",
  sampling: "free",
  prefill: true,
  forcedTools: true,
  usualMaxTokens: 4_096,
};

const named = /claude-(opus|sonnet|haiku|fable|mythos)-(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)/;
/** Names of the third generation have the version first. */
const older = /claude-(\d)(?:[-.](\d))?-(opus|sonnet|haiku)/;

/**
 * What the model of a name takes (platform.claude.com/docs: the migration guides of each model,
 * "Effort", "Adaptive thinking", "Extended thinking", "Models overview", "Stop reasons"). Anthropic's
 * aliases, Bedrock's ids and those of inference profiles are known; a name of another kind has the
 * rules of no version.
 */
export const claudeRules: (model: string) => ClaudeRules = oncePerName(rulesOf);

function rulesOf(model: string): ClaudeRules {
  const [, family, major, minor] = named.exec(model) ?? reordered(older.exec(model));
  if (family === undefined) return unknown;
  const version = Number(major) * 100 + Number(minor ?? 0);
  const off = offOf(family, version);
  return {
    budgets: version >= 307 && version < 407,
    adaptive: version >= 406,
    hidesThoughts: version >= 407,
    efforts: effortsOf(family, version),
    ...(off === undefined ? {} : { off }),
    sampling: version >= 407 ? "none" : version >= 401 ? "one" : "free",
    prefill: version < 406,
    usualMaxTokens: version >= 405 ? 64_000 : version >= 305 ? 8_192 : 4_096,
    forcedTools: family === "haiku" || version < (isAlwaysThinking(family) ? 501 : 505),
  };
}

function reordered(match: RegExpExecArray | null): (string | undefined)[] {
  return match === null ? [] : [match[0], match[3], match[1], match[2]];
}

function isAlwaysThinking(family: string): boolean {
  return family === "fable" || family === "mythos";
}

function effortsOf(family: string, version: number): readonly string[] {
  if (version >= 407) return unknown.efforts;
  if (version >= 406) return ["low", "medium", "high", "max"];
  return family === "opus" && version >= 405 ? ["low", "medium", "high"] : [];
}

function offOf(family: string, version: number): ThinkingOff | undefined {
  if (isAlwaysThinking(family)) return undefined;
  if (version < 505 || family === "haiku") return "disabled";
  return family === "sonnet" ? "between_tools" : undefined;
}
