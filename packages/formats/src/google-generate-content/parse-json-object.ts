import { readJsonObject } from "../read-json.ts";

const encoder = new TextEncoder();

/** The JSON object that a text is; undefined when it is none, or one too deep to be written. */
export function parseJsonObject(text: string): Record<string, unknown> | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    return readJsonObject(encoder.encode(text));
  } catch {
    return undefined;
  }
}
