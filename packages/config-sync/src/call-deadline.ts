import { GatewayError } from "@penstock/errors";
import type { Clock } from "@penstock/runtime";

/** For one call of policy; a page of its snapshot holds up to 2 MiB. */
const deadlineMs = 5_000;

/** Gives a call 5 s. Throws what the call throws, DEADLINE_EXCEEDED when it takes longer. */
export async function withDeadline<Value>(
  run: (signal: AbortSignal) => Promise<Value>,
  clock: Clock,
  outer: AbortSignal,
): Promise<Value> {
  const controller = new AbortController();
  const timer = clock.schedule(deadlineMs, () => {
    const message = `policy took more than ${deadlineMs} ms`;
    controller.abort(new GatewayError("DEADLINE_EXCEEDED", message));
  });
  const signal = AbortSignal.any([controller.signal, outer]);
  try {
    signal.throwIfAborted();
    return await Promise.race([run(signal), rejectOnAbort(signal)]);
  } finally {
    timer.cancel();
  }
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
