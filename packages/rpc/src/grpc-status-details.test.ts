import { Metadata } from "@grpc/grpc-js";
import { GatewayError } from "@penstock/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromGrpcError, toGrpcError } from "./grpc-status-details.ts";

const quotaError = new GatewayError("LIMIT_EXCEEDED", "The limit has no room.", {
  retryAfterMs: 1_500,
  quotaViolations: [
    { subject: "projects/a", quota: "limits/b", metric: "tokens", limit: "9", description: "full" },
  ],
});

describe("status details", () => {
  it("survive the trailer, whatever the texts are", () => {
    const text = fc
      .string({ unit: "grapheme", maxLength: 40 })
      .map((value) => value.toWellFormed());
    fc.assert(
      fc.property(text, text, fc.nat(86_400_000), (message, value, retryAfterMs) => {
        const error = new GatewayError("OVERLOADED", message, {
          retryAfterMs,
          metadata: { value },
        });
        expect(fromGrpcError(toGrpcError(error, "request-1"))).toMatchObject({
          reason: "OVERLOADED",
          message,
          retryAfterMs,
          metadata: { value },
        });
      }),
    );
  });

  it("stay within what clients accept", () => {
    const long = "x".repeat(300);
    const fieldViolations = Array.from({ length: 10 }, () => ({ field: long, description: long }));
    const error = new GatewayError("FIELD_INVALID", "wrong", { fieldViolations, retryAfterMs: 1 });
    const { metadata } = toGrpcError(error, "request-1");
    expect((metadata.get("grpc-status-details-bin")[0] as Buffer).length).toBeLessThan(5_001);
    const back = fromGrpcError(toGrpcError(error, "request-1"));
    expect(back).toMatchObject({ reason: "FIELD_INVALID", requestId: "request-1" });
    expect(back.retryAfterMs).toBe(1);
  });

  it("of another code or of nobody's making are not believed", () => {
    const metadata = new Metadata();
    metadata.set("grpc-status-details-bin", Buffer.from([255, 255]));
    expect(fromGrpcError({ code: 14, details: "x", metadata }).reason).toBe("UNAVAILABLE");
    const { metadata: other } = toGrpcError(quotaError, "request-1");
    expect(fromGrpcError({ code: 14, details: "x", metadata: other }).reason).toBe("UNAVAILABLE");
  });
});
