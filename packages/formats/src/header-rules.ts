import type { FormatName } from "./format.ts";

/**
 * Which headers mean something beside the bodies of a format. All names are in lower case. What
 * stands in none of the lists stays where it is: neither side learns of the other's headers.
 */
export interface HeaderRules {
  /** Of a caller: go on to a target of the same format. */
  readonly toTarget: readonly string[];
  /** Of a target's answer: go back to a caller of the same format. */
  readonly toCaller: readonly string[];
  /** Where clients of the format look for the id of a request, besides `x-request-id`. */
  readonly requestId?: string;
  /** Of a caller: name the session that a request belongs to; the first that is there counts. */
  readonly session: readonly string[];
}

/** Name the session at every door: our own, and those that OpenRouter and Vercel document. */
const sessions = ["x-penstock-session", "x-session-id", "x-session-affinity"];

const defaultRules: HeaderRules = { toTarget: [], toCaller: [], session: sessions };

/** The list of all headers that pass; of other formats none does. */
const rulesByFormat: Readonly<Partial<Record<FormatName, HeaderRules>>> = {
  "openai-chat": {
    toTarget: [],
    // How long the model took; what else providers tell is about the gateway's account.
    toCaller: ["openai-processing-ms"],
    session: sessions,
  },
  "openai-responses": {
    // Codex says by them that tools stand among the items of the input, or a wish to shorten it;
    // without them both may be ignored.
    toTarget: ["x-openai-internal-codex-responses-lite", "x-codex-beta-features"],
    toCaller: [],
    session: ["session-id", ...sessions],
  },
  "anthropic-messages": {
    // The version says how the body is meant, the betas what may stand in it.
    toTarget: ["anthropic-version", "anthropic-beta"],
    // Limits and organization are those of the gateway's account.
    toCaller: [],
    requestId: "request-id",
    session: ["x-claude-code-session-id", ...sessions],
  },
};

/** The rules of a format. */
export function headerRules(format: FormatName): HeaderRules {
  return rulesByFormat[format] ?? defaultRules;
}
