import type { TokenLogprob, TokenLogprobs } from "@penstock/api";
import { isJsonObject } from "./read-json.ts";

/** More tokens of one piece are never looked at; as many as the longest answers have. */
const maxTokenCount = 262_144;
const maxTopCount = 20;

/** Reads how probable tokens were; undefined when that is not said, or not in a known way. */
export function readLogprobs(value: unknown): TokenLogprobs | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > maxTokenCount) return undefined;
  const tokens = value.flatMap((one: unknown) => readToken(one, true));
  return tokens.length === value.length ? newLogprobs(tokens) : undefined;
}

/** A list of tokens with what is known of each. */
export function newLogprobs(tokens: TokenLogprob[]): TokenLogprobs {
  return { $typeName: "penstock.inference.v1.TokenLogprobs", tokens };
}

function readToken(value: unknown, withTop: boolean): TokenLogprob[] {
  if (!isJsonObject(value)) return [];
  const { token, logprob, bytes, top_logprobs: top } = value;
  if (typeof token !== "string" || typeof logprob !== "number") return [];
  const others = withTop && Array.isArray(top) ? top.slice(0, maxTopCount) : [];
  return [
    {
      $typeName: "penstock.inference.v1.TokenLogprob",
      token,
      logprob,
      bytes: readBytes(bytes),
      top: others.flatMap((one: unknown) => readToken(one, false)),
    },
  ];
}

function readBytes(value: unknown): Uint8Array {
  if (!Array.isArray(value)) return new Uint8Array();
  const bytes = value.filter((one) => Number.isInteger(one) && one >= 0 && one <= 255);
  return Uint8Array.from(bytes as number[]);
}

/** Writes how probable tokens were. */
export function writeLogprobs({ tokens }: TokenLogprobs): Record<string, unknown>[] {
  return tokens.map((token) => ({
    ...writeToken(token),
    top_logprobs: token.top.map(writeToken),
  }));
}

function writeToken({ token, logprob, bytes }: TokenLogprob): Record<string, unknown> {
  return { token, logprob, bytes: bytes.length === 0 ? null : Array.from(bytes) };
}
