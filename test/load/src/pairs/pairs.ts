import type { FormatName } from "@penstock/formats";

/** The format that a caller writes; it is one of a door. */
export type DoorFormat = "openai-chat" | "openai-responses" | "anthropic-messages";

/** What a caller writes, and what the provider behind the route speaks. */
export interface Pair {
  readonly door: DoorFormat;
  readonly upstream: FormatName;
}

/** How a pair is asked: for one JSON document, or for a stream. */
export type PairKind = (typeof pairKinds)[number];

/** Both kinds. */
export const pairKinds = ["json", "stream"] as const;

/** What is measured; pairs of one format are passed through. */
export const pairs: readonly Pair[] = [
  { door: "openai-chat", upstream: "openai-chat" },
  { door: "anthropic-messages", upstream: "anthropic-messages" },
  { door: "openai-responses", upstream: "openai-responses" },
  { door: "openai-chat", upstream: "anthropic-messages" },
  { door: "anthropic-messages", upstream: "openai-chat" },
  { door: "openai-chat", upstream: "google-generate-content" },
  { door: "openai-chat", upstream: "bedrock-converse" },
];

/** The name of a pair, as people type it. */
export function pairName({ door, upstream }: Pair): string {
  return `${door}/${upstream}`;
}

/** The names of all pairs. */
export const pairNames: readonly string[] = pairs.map(pairName);

/** Whether the caller's body and the answer keep their form. */
export function passesThrough({ door, upstream }: Pair): boolean {
  return door === upstream;
}

/** Most CPU time that is wanted, as a multiple of that of a bare relay. */
export function boundOf(pair: Pair, kind: PairKind): number {
  if (kind === "stream") return 1.35;
  return passesThrough(pair) ? 1.5 : 1.8;
}
