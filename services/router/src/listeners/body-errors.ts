import { GatewayError } from "@penstock/errors";

/** Largest body on either door, unpacked where it is compressed (decisions §4). */
export const maximumBodyBytes = 32 * 1024 * 1024;

/** The answer to a body that is larger. */
export function bodyTooLarge(): GatewayError {
  return new GatewayError(
    "REQUEST_TOO_LARGE",
    `The body is larger than ${maximumBodyBytes} bytes. Send less.`,
    { metadata: { maximum_bytes: String(maximumBodyBytes) } },
  );
}

/** The answer where all bodies together would take too much memory. */
export function tooManyBodies(): GatewayError {
  return new GatewayError("OVERLOADED", "The gateway is reading too many bodies at once.", {
    retryAfterMs: 1_000,
  });
}
