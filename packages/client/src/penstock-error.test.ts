import { toBinary } from "@bufbuild/protobuf";
import type { ServiceError } from "@grpc/grpc-js";
import { Metadata } from "@grpc/grpc-js";
import { StatusSchema } from "@penstock/api";
import type { ErrorReason } from "@penstock/errors";
import { GatewayError, reasons, toStatus } from "@penstock/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toPenstockError } from "./penstock-error.ts";

const text = fc.string({ unit: "grapheme", maxLength: 40 }).map((value) => value.toWellFormed());

function received(error: GatewayError, code = reasons[error.reason].grpcCode): ServiceError {
  const metadata = new Metadata();
  const status = toStatus(error, "request-1");
  metadata.set("grpc-status-details-bin", Buffer.from(toBinary(StatusSchema, status)));
  return Object.assign(new Error("text"), { code, details: error.message, metadata });
}

describe("toPenstockError", () => {
  it("reads every error that the gateway can send as it was meant", () => {
    const anyError = fc
      .record({
        reason: fc.constantFrom(...(Object.keys(reasons) as ErrorReason[])),
        message: text,
        retryAfterMs: fc.option(fc.nat(86_400_000), { nil: undefined }),
        attempts: fc.integer({ min: 1, max: 9 }),
        committed: fc.boolean(),
        field: text,
      })
      .map(({ reason, message, retryAfterMs, attempts, committed, field }) => {
        const metadata = { attempts: String(attempts), committed: String(committed) };
        const fieldViolations = [{ field, description: field }];
        return new GatewayError(reason, message, { retryAfterMs, metadata, fieldViolations });
      });
    fc.assert(
      fc.property(anyError, (error) => {
        expect(toPenstockError(received(error))).toMatchObject({
          code: reasons[error.reason].grpcCode,
          reason: error.reason,
          message: error.message,
          source: error.source,
          requestId: "request-1",
          retryDelayMs: error.retryAfterMs,
          attempts: Number(error.metadata["attempts"]),
          committed: error.metadata["committed"] === "true",
          fieldViolations: error.fieldViolations,
          metadata: error.metadata,
        });
      }),
    );
  });

  it("takes the ids from the head of the response when the error has none", () => {
    const initial = new Metadata();
    initial.set("x-request-id", "request-2");
    initial.set("x-penstock-trace-id", "trace-2");
    const metadata = new Metadata();
    const error = Object.assign(new Error("gone"), { code: 14, details: "gone", metadata });
    expect(toPenstockError(error, initial)).toMatchObject({
      reason: "UNAVAILABLE",
      message: "gone",
      requestId: "request-2",
      traceId: "trace-2",
    });
  });

  it("does not believe details of another code", () => {
    const error = new GatewayError("ETAG_MISMATCH", "stale");
    expect(toPenstockError(received(error, 14)).reason).toBe("UNAVAILABLE");
  });
});
