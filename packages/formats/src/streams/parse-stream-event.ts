import { localFailure } from "../failure-to-error.ts";
import { endOfString } from "../json-text.ts";
import { isJsonObject } from "../read-json.ts";
import { scanJson } from "../scan-json.ts";

/** Below this length no nesting can cost `JSON.parse` a noticeable time. Unit: characters. */
const scanFromLength = 65_536;
/** Below this length no nesting is too deep for who walks the value by recursion. In characters. */
const countFromLength = 2_048;
/** Deepest nesting, as in whole answers. */
const maxDepth = 64;
/** What a number beyond the range of a double must look like. */
const mayOverflow = /\d[eE]\+?\d{3}|(?<!\d)\d{309}/;
const [quote, openBrace, closeBrace, openBracket, closeBracket] = [34, 123, 125, 91, 93];

const encoder = new TextEncoder();

/**
 * Reads the data of one event of a stream as an object whose numbers are all finite. Throws
 * UPSTREAM_MALFORMED.
 */
export function parseStreamEvent(data: string): Record<string, unknown> {
  const event = parseStreamValue(data);
  if (isJsonObject(event)) return event;
  throw localFailure("MALFORMED", "an event of the stream is not an object");
}

/** Like `parseStreamEvent`, for any JSON value. */
export function parseStreamValue(data: string): unknown {
  if (data.length > scanFromLength) refuseComplex(data);
  else if (data.length > countFromLength && isDeep(data)) {
    throw localFailure("MALFORMED", `an event of the stream nests deeper than ${maxDepth} levels`);
  }
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    throw localFailure("MALFORMED", "an event of the stream is not JSON");
  }
  if (mayOverflow.test(data) && !allFinite(value)) {
    throw localFailure("MALFORMED", "an event of the stream has a number out of range");
  }
  return value;
}

function refuseComplex(data: string): void {
  try {
    scanJson(encoder.encode(data));
  } catch (error) {
    throw localFailure("MALFORMED", error instanceof Error ? error.message : "too complex");
  }
}

function isDeep(data: string): boolean {
  let depth = 0;
  for (let at = 0; at < data.length; at += 1) {
    const code = data.charCodeAt(at);
    if (code === quote) {
      at = endOfString(data, at + 1);
      if (at < 0) return false;
    } else if (code === openBrace || code === openBracket) {
      depth += 1;
      if (depth > maxDepth) return true;
    } else if (code === closeBrace || code === closeBracket) depth -= 1;
  }
  return false;
}

function allFinite(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null) return true;
  return Object.values(value).every(allFinite);
}
