import { createHash } from "node:crypto";
import type { EmbedInput, EmbedRequest } from "@penstock/api";
import { countTokens } from "./token-count.ts";

/** Length of vectors when a request asks for none. */
export const defaultDimensions = 64;

/** What a simulated model makes of texts. */
export interface Embedded {
  /** One for each input, each of length one. */
  readonly vectors: number[][];
  readonly inputTokens: number;
  /** SHA-256, hexadecimal, of the inputs as JSON. */
  readonly sha256: string;
}

/**
 * Vectors that are a function of model, text and length alone, so that two vendors of one model
 * agree and anyone can compute them again: the bytes of SHA-256 over model, a line feed, the text (or
 * its tokens with commas), a line feed and a counter, each less 127.5; then the whole brought to
 * length one, as numbers of four bytes.
 */
export function embed({ inputs, dimensions }: EmbedRequest, model: string): Embedded {
  const texts = inputs.map(textOf);
  const length = dimensions ?? defaultDimensions;
  return {
    vectors: texts.map((text) => vectorOf(model, text, length)),
    inputTokens: inputs.reduce((sum, input) => sum + tokensOf(input), 0),
    sha256: createHash("sha256").update(JSON.stringify(texts)).digest("hex"),
  };
}

function vectorOf(model: string, text: string, length: number): number[] {
  const raw: number[] = [];
  for (let block = 0; raw.length < length; block += 1) {
    const digest = createHash("sha256").update(`${model}\n${text}\n${block}`).digest();
    for (const byte of digest) raw.push(byte - 127.5);
  }
  const cut = raw.slice(0, length);
  const norm = Math.hypot(...cut);
  return cut.map((value) => Math.fround(value / norm));
}

function textOf({ input }: EmbedInput): string {
  return input.case === "tokens" ? input.value.tokens.join(",") : (input.value ?? "");
}

function tokensOf({ input }: EmbedInput): number {
  return input.case === "tokens" ? input.value.tokens.length : countTokens(input.value ?? "");
}
