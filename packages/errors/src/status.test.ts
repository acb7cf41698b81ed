import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Code, ErrorInfoSchema, StatusSchema } from "@penstock/api";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromStatus } from "./from-status.ts";
import { GatewayError } from "./gateway-error.ts";
import type { ErrorReason } from "./reasons.ts";
import { reasons } from "./reasons.ts";
import { toStatus } from "./to-status.ts";

const text = fc.string({ maxLength: 60, unit: "grapheme" }).map((value) => value.toWellFormed());
const key = fc.stringMatching(/^x_[a-z]{1,20}$/);
const quotaViolation = fc.record({
  subject: text,
  quota: text,
  metric: text,
  limit: fc.bigInt({ min: 0n, max: 2n ** 64n }).map(String),
  description: text,
  resetTimeMs: fc.integer({ min: 1, max: 4_000_000_000_000 }),
});
const exclusion = fc.record({
  deployment: fc.stringMatching(/^deployments\/[a-z]{1,9}$/),
  rule: fc.stringMatching(/^[a-z_.]{1,20}$/),
  reason: text,
  untilTimeMs: fc.integer({ min: 1, max: 4_000_000_000_000 }),
});
const anyError = fc
  .record({
    reason: fc.constantFrom(...(Object.keys(reasons) as ErrorReason[])),
    message: text,
    source: fc.constantFrom("downstream" as const, "gateway" as const, "upstream" as const),
    retryAfterMs: fc.option(fc.integer({ min: 0, max: 86_400_000 }), { nil: undefined }),
    metadata: fc.dictionary(key, text, { maxKeys: 8 }),
    fieldViolations: fc.array(
      fc.record({ field: text, description: text, reason: fc.stringMatching(/^[A-Z]{1,9}$/) }),
      { maxLength: 5 },
    ),
    quotaViolations: fc.array(quotaViolation, { maxLength: 5 }),
    preconditionViolations: fc.array(fc.record({ type: text, subject: text, description: text }), {
      maxLength: 5,
    }),
    exclusions: fc.array(exclusion, { maxLength: 5 }),
    resource: fc.option(fc.record({ type: text, name: text }), { nil: undefined }),
  })
  .map(({ reason, message, ...options }) => new GatewayError(reason, message, options));

describe("an error as status", () => {
  it("comes back from its bytes as it was", () => {
    fc.assert(
      fc.property(anyError, (error) => {
        const bytes = toBinary(StatusSchema, toStatus(error, "request-1"));
        const back = fromStatus(fromBinary(StatusSchema, bytes));
        expect(back).toMatchObject({
          reason: error.reason,
          message: error.message,
          source: error.source,
          metadata: error.metadata,
          fieldViolations: error.fieldViolations,
          quotaViolations: error.quotaViolations,
          preconditionViolations: error.preconditionViolations,
          resource: error.resource,
          exclusions: error.exclusions,
          requestId: "request-1",
        });
        if (error.retryAfterMs !== undefined) expect(back.retryAfterMs).toBe(error.retryAfterMs);
      }),
    );
  });

  it("holds each detail at most once and stays small enough for trailers", () => {
    const long = "é".repeat(100_000);
    const many = Array.from({ length: 1_000 }, () => long);
    const error = new GatewayError("FIELD_INVALID", long, {
      metadata: Object.fromEntries(many.map((value, index) => [`k${index}`, value])),
      fieldViolations: many.map((value) => ({ field: value, description: value })),
    });
    const status = toStatus(error, "request-1");
    const types = status.details.map((any) => any.typeUrl);
    expect(new Set(types).size).toBe(types.length);
    expect(toBinary(StatusSchema, status).length).toBeLessThan(40_000);
  });

  it("tells the reset time of a quota as delay and in the metadata", () => {
    const violation = {
      subject: "projects/a",
      quota: "limits/b",
      metric: "requests",
      limit: "10",
      description: "10 requests per minute",
      resetTimeMs: 1_700_000_060_000,
    };
    const error = new GatewayError("LIMIT_EXCEEDED", "No room.", { quotaViolations: [violation] });
    const back = fromStatus(toStatus(error, "request-1", 1_700_000_000_000));
    expect(back.retryAfterMs).toBe(60_000);
    expect(back.metadata).toEqual({
      subject: "projects/a",
      quota: "limits/b",
      metric: "requests",
      limit: "10",
      reset_time: "2023-11-14T22:14:20.000Z",
    });
  });

  it("asks for whole milliseconds, and never for too few", () => {
    const { retryAfterMs } = new GatewayError("OVERLOADED", "Busy.", { retryAfterMs: 1_940.678 });
    expect(retryAfterMs).toBe(1_941);
  });

  it("survives half a character and absurd delays", () => {
    const error = new GatewayError("OVERLOADED", "\ud83d", { retryAfterMs: Infinity });
    const back = fromStatus(toStatus(error, "request-1"));
    expect(back.message).toBe("\ufffd");
    expect(back.retryAfterMs).toBe(366 * 86_400_000);
  });
});

describe("a status that is not ours", () => {
  it("is judged by its code, and a code that blames the request is not believed", () => {
    const reasonOf = (code: number) => fromStatus(create(StatusSchema, { code })).reason;
    expect(reasonOf(Code.UNAVAILABLE)).toBe("UNAVAILABLE");
    expect(reasonOf(Code.INVALID_ARGUMENT)).toBe("INTERNAL");
    expect(reasonOf(Code.RESOURCE_EXHAUSTED)).toBe("REQUEST_TOO_LARGE");
    expect(reasonOf(99)).toBe("INTERNAL");
  });

  it("keeps the reason of a newer version as metadata", () => {
    const info = create(ErrorInfoSchema, { domain: "penstock", reason: "NEWER" });
    const details = [anyPack(ErrorInfoSchema, info)];
    const error = fromStatus(create(StatusSchema, { code: Code.UNAVAILABLE, details }));
    expect(error.reason).toBe("UNAVAILABLE");
    expect(error.metadata).toEqual({ reason: "NEWER" });
  });

  it("leaves out a detail that can't be read", () => {
    const typeUrl = `type.googleapis.com/${ErrorInfoSchema.typeName}`;
    const details = [{ typeUrl, value: Uint8Array.of(255, 255) }];
    expect(fromStatus(create(StatusSchema, { code: 13, details })).reason).toBe("INTERNAL");
  });
});
