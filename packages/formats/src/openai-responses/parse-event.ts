import { localFailure } from "../failure-to-error.ts";
import { isJsonObject } from "../read-json.ts";
import { scanJson } from "../scan-json.ts";

/** Below this length no nesting can cost `JSON.parse` a noticeable time. Unit: characters. */
const scanFromLength = 65_536;

const encoder = new TextEncoder();

/** Reads the data of an event. Throws UPSTREAM_MALFORMED when it is no JSON object. */
export function parseEvent(data: string): Record<string, unknown> {
  if (data.length > scanFromLength) refuseDeep(data);
  let event: unknown;
  try {
    event = JSON.parse(data);
  } catch {
    throw localFailure("MALFORMED", "an event of the stream is not JSON");
  }
  if (isJsonObject(event)) return event;
  throw localFailure("MALFORMED", "an event of the stream is not an object");
}

function refuseDeep(data: string): void {
  try {
    scanJson(encoder.encode(data));
  } catch (error) {
    throw localFailure("MALFORMED", error instanceof Error ? error.message : "too complex");
  }
}
