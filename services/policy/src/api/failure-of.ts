import type { GatewayError } from "@penstock/errors";

/** The error that a call ends with, for tests; throws when it succeeds. */
export async function failureOf(call: Promise<unknown>): Promise<GatewayError> {
  const outcome = await call.then(
    () => undefined,
    (error: unknown) => error as GatewayError,
  );
  if (outcome === undefined) throw new Error("the call succeeded, an error was expected");
  return outcome;
}
