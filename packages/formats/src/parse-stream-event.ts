import { localFailure } from "./failure-to-error.ts";
import { isJsonObject } from "./read-json.ts";
import { scanJson } from "./scan-json.ts";

/** Below this length no nesting can cost `JSON.parse` a noticeable time. Unit: characters. */
const scanFromLength = 65_536;
/** What a number beyond the range of a double must look like. */
const mayOverflow = /\d[eE]\+?\d{3}|\d{309}/;

const encoder = new TextEncoder();

/**
 * Reads the data of one event of a stream as an object whose numbers are all finite. Throws
 * UPSTREAM_MALFORMED.
 */
export function parseStreamEvent(data: string): Record<string, unknown> {
  if (data.length > scanFromLength) refuseDeep(data);
  let event: unknown;
  try {
    event = JSON.parse(data);
  } catch {
    throw localFailure("MALFORMED", "an event of the stream is not JSON");
  }
  if (!isJsonObject(event)) {
    throw localFailure("MALFORMED", "an event of the stream is not an object");
  }
  if (mayOverflow.test(data) && !allFinite(event)) {
    throw localFailure("MALFORMED", "an event of the stream has a number out of range");
  }
  return event;
}

function refuseDeep(data: string): void {
  try {
    scanJson(encoder.encode(data));
  } catch (error) {
    throw localFailure("MALFORMED", error instanceof Error ? error.message : "too complex");
  }
}

function allFinite(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null) return true;
  return Object.values(value).every(allFinite);
}
