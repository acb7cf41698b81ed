import { GatewayError } from "@penstock/errors";

// What NATS accepts in a key. Both adapters refuse the rest, so that nothing works on a laptop
// and fails in a cluster.
const keyForm = /^[-/_=A-Za-z0-9]+(?:\.[-/_=A-Za-z0-9]+)*$/;
const maxKeyLength = 512;

/** @throws GatewayError FIELD_INVALID for a key no bus takes. */
export function checkKey(key: string): void {
  if (key.length <= maxKeyLength && keyForm.test(key)) return;
  throw new GatewayError("FIELD_INVALID", `not a bucket key: ${JSON.stringify(key.slice(0, 80))}`, {
    source: "gateway",
  });
}

/** @throws GatewayError FIELD_INVALID for a value over the bucket's limit. */
export function checkValue(key: string, value: Uint8Array, maxBytes: number): void {
  if (value.byteLength <= maxBytes) return;
  const message = `entry ${key} has ${value.byteLength} bytes, at most ${maxBytes} fit the bus`;
  throw new GatewayError("FIELD_INVALID", message, { source: "gateway" });
}

/** The error of a write whose expected revision is not the present one. */
export function revisionConflict(key: string, expected: bigint): GatewayError {
  const message = `bucket entry ${key} is not at revision ${expected} any more`;
  return new GatewayError("ETAG_MISMATCH", message, { source: "gateway" });
}

/** The error of everything asked of a bus that was closed. */
export function busClosed(): GatewayError {
  return new GatewayError("UNAVAILABLE", "the bus was closed", { source: "gateway" });
}
