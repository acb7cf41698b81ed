import claude from "../anthropic-messages/__fixtures__/claude-code-turns.json" with { type: "json" };
import codex from "../openai-responses/__fixtures__/codex-turns.json" with { type: "json" };
import { anthropicMessages } from "../anthropic-messages/anthropic-messages.ts";
import type { Format } from "../format.ts";
import { openaiResponses } from "../openai-responses/openai-responses.ts";

/** A request of a coding agent, in the words of its format. */
export interface AgentTurn {
  readonly name: string;
  readonly format: Format;
  /** What the agent sends besides, as far as it means something. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Turns of coding agents as they were seen; the fixtures name programs and versions. */
export const agentTurns: readonly AgentTurn[] = [
  ...claude.bodies.map(({ name, body }) => ({
    name: `Claude Code, ${name}`,
    format: anthropicMessages,
    headers: { "anthropic-version": "2023-06-01", "anthropic-beta": claude.beta },
    body,
  })),
  ...codex.bodies.map(({ name, body }) => ({
    name: `Codex, ${name}`,
    format: openaiResponses,
    headers: { "session-id": "session-1" },
    body,
  })),
];
