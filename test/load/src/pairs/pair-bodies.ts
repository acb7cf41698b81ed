import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { maxTokens, system, temperature, user } from "../bodies.ts";
import { upstreamAlias } from "./configure-pairs.ts";
import { pairName } from "./pairs.ts";
import type { DoorFormat, Pair, PairKind } from "./pairs.ts";

/** Where a door is, what its clients send beside the key, and the chat of `bodies.ts` in its words. */
interface PairDoor {
  readonly path: string;
  readonly headers: readonly string[];
  write(model: string): Readonly<Record<string, unknown>>;
  /** What asks for a stream. */
  readonly streamed: Readonly<Record<string, unknown>>;
}

/** The doors. */
export const pairDoors: Readonly<Record<DoorFormat, PairDoor>> = {
  "openai-chat": {
    path: "/v1/chat/completions",
    headers: [],
    write: (model) => ({
      model,
      messages: [
        { role: "system", content: system },
        { role: "user", content: user },
      ],
      temperature,
      max_tokens: maxTokens,
      user: "user-1234",
    }),
    streamed: { stream: true, stream_options: { include_usage: true } },
  },
  "openai-responses": {
    path: "/v1/responses",
    headers: [],
    write: (model) => ({
      model,
      instructions: system,
      input: [{ role: "user", content: user }],
      temperature,
      max_output_tokens: maxTokens,
      user: "user-1234",
      store: false,
    }),
    streamed: { stream: true },
  },
  "anthropic-messages": {
    path: "/v1/messages",
    headers: ["anthropic-version: 2023-06-01"],
    write: (model) => ({
      model,
      system,
      messages: [{ role: "user", content: user }],
      temperature,
      max_tokens: maxTokens,
      metadata: { user_id: "user-1234" },
    }),
    streamed: { stream: true },
  },
};

/** Writes what a pair is asked with into a folder; gives the file. */
export function writePairBody(folder: string, pair: Pair, kind: PairKind): string {
  const into = join(folder, pairName(pair).replace("/", "-"), kind);
  mkdirSync(into, { recursive: true });
  const file = join(into, "body");
  const { write, streamed } = pairDoors[pair.door];
  const body = { ...write(upstreamAlias(pair.upstream)), ...(kind === "stream" ? streamed : {}) };
  writeFileSync(file, JSON.stringify(body));
  return file;
}
