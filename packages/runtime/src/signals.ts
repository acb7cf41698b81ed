import { GatewayError } from "@penstock/errors";
import { longestTimeoutMs } from "./clock.ts";

/**
 * A signal that aborts with DEADLINE_EXCEEDED after `durationMs`, or earlier with the parent's
 * reason. Its timer does not keep the process alive.
 */
export function deadlineSignal(durationMs: number, parent?: AbortSignal): AbortSignal {
  if (parent?.aborted === true) return parent;
  const controller = new AbortController();
  const timeout = setTimeout(
    () => {
      const message = `not done within ${durationMs} ms`;
      controller.abort(new GatewayError("DEADLINE_EXCEEDED", message));
    },
    Math.min(durationMs, longestTimeoutMs),
  );
  timeout.unref();
  parent?.addEventListener("abort", () => clearTimeout(timeout), {
    once: true,
    signal: controller.signal,
  });
  return parent === undefined ? controller.signal : AbortSignal.any([controller.signal, parent]);
}

/** Aborts with the reason of the first of `signals` to abort; absent ones are skipped. */
export function linkSignals(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any(signals.filter((signal) => signal !== undefined));
}
