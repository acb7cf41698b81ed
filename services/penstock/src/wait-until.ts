import type { SnapshotFollower } from "@penstock/config-sync";
import { GatewayError } from "@penstock/errors";
import type { HealthRegistry } from "@penstock/runtime";

/** Resolves when the follower uses the revision or a newer one. Throws the signal's reason. */
export function untilRevision(
  configuration: Pick<SnapshotFollower, "current" | "onChange">,
  revision: bigint,
  signal: AbortSignal,
): Promise<void> {
  return until(
    () => (configuration.current()?.revision ?? -1n) >= revision,
    (listener) => configuration.onChange(listener),
    signal,
  );
}

/** Resolves when every part is ready. When the signal aborts first, the error names the others. */
export async function untilHealthy(
  health: Pick<HealthRegistry, "ready" | "onChange" | "report">,
  signal: AbortSignal,
): Promise<void> {
  try {
    await until(
      () => health.ready(),
      (listener) => health.onChange(listener),
      signal,
    );
  } catch (cause) {
    const { components } = health.report();
    const missing = components
      .filter(({ state }) => state === "not_ready")
      .map(({ name, detail }) => (detail === "" ? name : `${name} (${detail})`));
    const message = `The router did not become ready; it waits for ${missing.join(", ")}.`;
    throw new GatewayError("NOT_READY", message, { cause });
  }
}

async function until(
  isDone: () => boolean,
  listen: (listener: () => void) => () => void,
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const look = (): void => {
    if (isDone()) resolve();
  };
  const stop = listen(look);
  const onAbort = (): void => reject(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  look();
  try {
    await promise;
  } finally {
    stop();
    signal.removeEventListener("abort", onAbort);
  }
}
