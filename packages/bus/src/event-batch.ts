import { GatewayError } from "@penstock/errors";

// Several events in one message are a `UsageEventBatch` of penstock.event.v1 in protobuf's wire
// format: field 1000 (tag C2 3E), length, event, again and again. No event begins with that field,
// so that a message with a single event is the event itself, as it always was. The bus knows no
// event from the inside, and takes a batch apart without a copy.
const tagStart = 0xc2;
const tagEnd = 0x3e;
const tagBytes = 2;
const longestLength = 4;

/** The most bytes that a batch takes beside those of each event. */
export const batchOverheadBytes = tagBytes + longestLength;

/**
 * One payload with all of the events, which `eventsIn` gives again; of one event the event itself.
 *
 * @throws GatewayError FIELD_INVALID for an event of 256 MiB or more.
 */
export function joinEvents(events: readonly Uint8Array[]): Uint8Array {
  const [only] = events;
  if (events.length === 1 && only !== undefined) return only;
  let bound = 0;
  for (const { length } of events) bound += length + batchOverheadBytes;
  const bytes = Buffer.allocUnsafe(bound);
  let at = 0;
  for (const event of events) {
    bytes[at] = tagStart;
    bytes[at + 1] = tagEnd;
    at = writeLength(bytes, at + tagBytes, event.length);
    bytes.set(event, at);
    at += event.length;
  }
  return bytes.subarray(0, at);
}

/**
 * The events of a message, as views into it. A payload that is no whole batch is given as it is:
 * one event, or what its reader refuses.
 */
export function eventsIn(payload: Uint8Array): readonly Uint8Array[] {
  const events: Uint8Array[] = [];
  let at = 0;
  while (at < payload.length) {
    if (payload[at] !== tagStart || payload[at + 1] !== tagEnd) return [payload];
    let length = 0;
    let shift = 0;
    let byte = 128;
    for (at += tagBytes; byte > 127 && shift < longestLength * 7; shift += 7) {
      byte = payload[at++] ?? 0;
      length |= (byte & 127) << shift;
    }
    if (byte > 127 || at + length > payload.length) return [payload];
    events.push(payload.subarray(at, at + length));
    at += length;
  }
  return events.length === 0 ? [payload] : events;
}

function writeLength(bytes: Uint8Array, start: number, length: number): number {
  if (length >= 2 ** (longestLength * 7)) {
    throw new GatewayError("FIELD_INVALID", `an event has ${length} bytes`, { source: "gateway" });
  }
  let at = start;
  let rest = length;
  while (rest > 127) {
    bytes[at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  bytes[at] = rest;
  return at + 1;
}
