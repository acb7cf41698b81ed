import type { DescMethod } from "@bufbuild/protobuf";
import { reasons } from "@penstock/errors";
import type { Observability } from "@penstock/observability";
import type { CallState } from "../call-state.ts";
import { methodName } from "./authentication.ts";
import { toReportedError } from "./errors.ts";
import { codeName } from "./tracing.ts";

/** Seconds; the bounds that the conventions of OpenTelemetry name for RPCs. */
const durationBounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** Tells how a call ended. */
export type AccessLog = (method: DescMethod, state: CallState, thrown: unknown) => void;

/**
 * One log line and one sample per finished call. Successful calls between services are many and
 * alike, so their lines are at debug level.
 */
export function createAccessLog({ logger, metrics }: Observability): AccessLog {
  const duration = metrics.histogram(
    "penstock_rpc_server_duration_seconds",
    "Time from the arrival of a call to its end, by method and gRPC code.",
    durationBounds,
    ["method", "code"],
  );
  return (method, state, thrown) => {
    const name = methodName(method);
    const elapsedMs = performance.now() - state.startMs;
    const error = thrown === undefined ? undefined : toReportedError(thrown);
    const code = error === undefined ? "OK" : codeName(reasons[error.reason].grpcCode);
    duration.record(elapsedMs / 1_000, name, code);
    const quiet = state.identity?.kind === "service" ? "debug" : "info";
    const level = error === undefined ? quiet : reasons[error.reason].logLevel;
    logger[level]("rpc", {
      method: name,
      code,
      reason: error?.reason,
      duration_ms: Math.round(elapsedMs * 1_000) / 1_000,
      request_id: state.requestId,
      trace_id: state.span.context.traceId,
      identity: state.identity?.name,
      identity_kind: state.identity?.kind,
    });
  };
}
