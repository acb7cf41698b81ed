import { GatewayError } from "@penstock/errors";
import { sqlStateOf } from "./sql-state.ts";

// Connection, idle transaction, rolled back, resources, lock not available, shutdown, system: the
// request itself was fine.
const passingStates = /^(?:08|25P|40|53|57|58)|^55P03$/;

/**
 * What a failed database call means to the caller. Errors of ours and of programming stay as
 * they are; a database that cannot be reached or is overloaded is UNAVAILABLE.
 */
export function toStorageError(error: unknown): unknown {
  const state = stateOf(error);
  if (state !== undefined && passingStates.test(state)) return unavailable(error);
  return toConnectionError(error);
}

/**
 * A failure of the connection as GatewayError UNAVAILABLE; what the server itself said, and errors
 * of ours and of programming, stay as they are.
 */
export function toConnectionError(error: unknown): unknown {
  if (error instanceof GatewayError) return error;
  if (error instanceof TypeError || error instanceof RangeError) return error;
  return stateOf(error) === undefined ? unavailable(error) : error;
}

/** EPIPE, an error of sockets, looks like a SQLSTATE. */
function stateOf(error: unknown): string | undefined {
  const state = sqlStateOf(error);
  return state === "EPIPE" ? undefined : state;
}

function unavailable(cause: unknown): GatewayError {
  return new GatewayError("UNAVAILABLE", "The database can't be used now; repeat the request.", {
    source: "gateway",
    retryAfterMs: 1_000,
    cause,
  });
}

/** Runs a database call, its errors told apart as above. */
export async function withStorageErrors<Result>(run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    throw toStorageError(error);
  }
}

/**
 * Whether a failure lies in what was asked: the same fails again, however often it is tried. The
 * others pass by themselves.
 */
export function isLasting(error: unknown): boolean {
  const told = toStorageError(error);
  return !(told instanceof GatewayError) || told.reason !== "UNAVAILABLE";
}

/**
 * The same functions, their database errors told apart as above; for the handlers of an API. Each
 * call begins with `started`, which throws as long as the service can't answer.
 */
export function handlersWithStorageErrors<
  Handlers extends Record<string, (...args: never[]) => unknown>,
>(handlers: Handlers, started: () => unknown): Handlers {
  const wrapped = Object.entries(handlers).map(([name, handler]) => [
    name,
    (...args: never[]) =>
      withStorageErrors(async () => {
        started();
        return await handler(...args);
      }),
  ]);
  return Object.fromEntries(wrapped) as Handlers;
}
