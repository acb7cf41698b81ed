import type { IncomingHttpHeaders } from "node:http2";
import { GatewayError } from "@penstock/errors";
import type { Metadata } from "@grpc/grpc-js";

/** The value of a header; undefined when it is not there or binary. */
export function textOf(metadata: Metadata, name: string): string | undefined {
  const [value] = metadata.get(name);
  return typeof value === "string" ? value : undefined;
}

/** Two authorization headers, which `watchConnections` has made one with a comma. */
export function ambiguity(metadata: Metadata): GatewayError | undefined {
  if (textOf(metadata, "authorization")?.includes(",") !== true) return undefined;
  const message = "The call has two authorization headers that differ; send one.";
  const fieldViolations = [{ field: "authorization", description: "is there twice" }];
  return new GatewayError("FIELD_INVALID", message, { fieldViolations });
}

/** Stands in for a `grpc-timeout` that can't be read; see `markBadTimeout`. */
const badTimeoutHeader = "x-penstock-bad-grpc-timeout";

/**
 * Marks a call whose `grpc-timeout` is not one to eight digits and a unit, and takes that away:
 * grpc-js would answer INTERNAL, as if it were our doing, or read a part of it.
 */
export function markBadTimeout(headers: IncomingHttpHeaders): void {
  const given = headers["grpc-timeout"];
  if (given === undefined || /^[0-9]{1,8}[HMSmun]$/.test(String(given))) return;
  delete headers["grpc-timeout"];
  headers[badTimeoutHeader] = "1";
}

/** The error of a call that has no time, or does not say in a way that can be read how much. */
export function unusableTimeout(metadata: Metadata, timeoutMs: number): GatewayError | undefined {
  if (timeoutMs <= 0) {
    const message = "The deadline of the request had passed when it came. Allow more time.";
    return new GatewayError("DEADLINE_EXCEEDED", message);
  }
  if (textOf(metadata, badTimeoutHeader) === undefined) return undefined;
  const description = "must be one to eight digits and one of H, M, S, m, u and n";
  return new GatewayError("FIELD_INVALID", `The header grpc-timeout ${description}.`, {
    fieldViolations: [{ field: "grpc-timeout", description }],
  });
}
