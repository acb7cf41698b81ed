import type { Interceptor } from "@connectrpc/connect";
import { GatewayError } from "@penstock/errors";

/** How long a unary call may take whose caller names no deadline. */
export const defaultDeadlineMs = 30_000;

/**
 * Gives every unary call a deadline and answers when it has passed, also where the implementation
 * does not look at its signal. Streams keep the deadline of their caller only.
 */
export function deadlineInterceptor(deadlineMs: number = defaultDeadlineMs): Interceptor {
  return (next) => async (request) => {
    if (request.stream) return next(request);
    const { signal, release } = boundedSignal(request.signal, request.header, deadlineMs);
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort);
    try {
      return await Promise.race([next({ ...request, signal }), aborted]);
    } finally {
      signal.removeEventListener("abort", onAbort);
      release();
    }
  };
}

function boundedSignal(parent: AbortSignal, header: Headers, deadlineMs: number) {
  if (header.has("connect-timeout-ms") || header.has("grpc-timeout")) {
    return { signal: parent, release: () => undefined };
  }
  const controller = new AbortController();
  const timer = setTimeout(() => {
    const message = "The RPC took longer than its default deadline.";
    controller.abort(
      new GatewayError("DEADLINE_EXCEEDED", message, {
        metadata: { deadline_ms: String(deadlineMs) },
      }),
    );
  }, deadlineMs);
  const signal = AbortSignal.any([parent, controller.signal]);
  return { signal, release: () => clearTimeout(timer) };
}
