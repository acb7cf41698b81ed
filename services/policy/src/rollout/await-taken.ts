import type { RouterStatus } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import type { Clock } from "@penstock/runtime";
import type { RouterRegistry } from "./router-registry.ts";

/** What is waited for. */
export interface AwaitedRevision {
  readonly installationId: string;
  readonly epoch: bigint;
  readonly revision: bigint;
}

/** How long, and until when at most. */
export interface WaitOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Waits cost memory each; administrators do not wait in crowds. */
const maxWaits = 1_000;

let waits = 0;

/** Whether every router has taken the revision; true when there is no router. */
export function isTakenByAll(routers: readonly RouterStatus[], wanted: AwaitedRevision): boolean {
  return routers.every(({ installationId, configEpoch, appliedRevision }) => {
    // A number of another installation says nothing; a router that has nothing yet has revision 0.
    if (installationId !== "" && installationId !== wanted.installationId) return false;
    if (configEpoch !== wanted.epoch) return configEpoch > wanted.epoch;
    return appliedRevision >= wanted.revision;
  });
}

/**
 * Resolves when every router has taken the revision (true) or the time is up (false). Looks at
 * each report, and once more when a silent router's time is up.
 *
 * @throws GatewayError OVERLOADED when too many wait; the signal's reason when it aborts.
 */
export async function awaitTaken(
  registry: RouterRegistry,
  wanted: AwaitedRevision,
  { clock, timeoutMs, signal }: WaitOptions,
): Promise<boolean> {
  signal.throwIfAborted();
  if (timeoutMs <= 0) return isTakenByAll(registry.list(), wanted);
  if (waits >= maxWaits) {
    throw new GatewayError("OVERLOADED", `${maxWaits} calls wait for a revision already.`);
  }
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const look = (): void => {
    if (isTakenByAll(registry.list(), wanted)) resolve(true);
  };
  const onAbort = (): void => reject(signal.reason);
  const timer = clock.schedule(timeoutMs, () => resolve(isTakenByAll(registry.list(), wanted)));
  const unlisten = registry.onChange(look);
  signal.addEventListener("abort", onAbort, { once: true });
  waits += 1;
  try {
    look();
    return await promise;
  } finally {
    waits -= 1;
    timer.cancel();
    unlisten();
    signal.removeEventListener("abort", onAbort);
  }
}
