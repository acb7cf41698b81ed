import { GatewayError } from "@penstock/errors";
import type { Clock } from "@penstock/runtime";

/** For one call of policy; a page of its snapshot holds up to 2 MiB. */
const deadlineMs = 5_000;

/**
 * Gives a call 5 s. Throws what the call throws, DEADLINE_EXCEEDED when it takes longer, and the
 * reason of `outer` when that aborts. Nothing of the call is kept once it has ended, though `outer`
 * lives on and a client may leave a listener on its signal: Node keeps an `AbortSignal.any` that
 * has one for as long as its sources, with everything the listener refers to.
 */
export async function withDeadline<Value>(
  run: (signal: AbortSignal) => Promise<Value>,
  clock: Clock,
  outer: AbortSignal,
): Promise<Value> {
  outer.throwIfAborted();
  const controller = new AbortController();
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const end = (reason: unknown): void => {
    reject(reason);
    controller.abort(reason);
  };
  const onOuter = (): void => end(outer.reason);
  const timer = clock.schedule(deadlineMs, () => {
    end(new GatewayError("DEADLINE_EXCEEDED", `policy took more than ${deadlineMs} ms`));
  });
  outer.addEventListener("abort", onOuter);
  try {
    return await Promise.race([run(controller.signal), ended]);
  } finally {
    timer.cancel();
    outer.removeEventListener("abort", onOuter);
  }
}
