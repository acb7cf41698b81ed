import { formats } from "@penstock/formats";
import type { FailureClass, Format } from "@penstock/formats";
import { describe, expect, it } from "vitest";
import type { VendorErrorKind } from "../vendor-error.ts";
import { endpoints } from "./endpoints.ts";

/** What a reader of the format takes each error for. */
const classes: Readonly<Record<VendorErrorKind, FailureClass>> = {
  bad_request: "BAD_REQUEST",
  invalid_key: "AUTH_FAILED",
  forbidden: "PERMISSION",
  not_found: "MODEL_NOT_FOUND",
  timeout: "UPSTREAM_ERROR",
  too_large: "PAYLOAD_TOO_LARGE",
  unprocessable: "BAD_REQUEST",
  rate_limit: "RATE_LIMITED",
  quota: "QUOTA_EXHAUSTED",
  server_error: "UPSTREAM_ERROR",
  overloaded: "OVERLOADED",
  context_length: "CONTEXT_TOO_LONG",
  content_filter: "CONTENT_FILTERED",
  unsupported_parameter: "BAD_REQUEST",
  unsupported_prefill: "BAD_REQUEST",
};
/** Where a vendor has no word of its own. */
const exceptions: Readonly<Record<string, FailureClass>> = {
  "google-generate-content: content_filter": "BAD_REQUEST",
  // A guardrail answers with 200, and the exception for quotas is one that passes.
  "bedrock-converse: content_filter": "BAD_REQUEST",
  "bedrock-converse: quota": "RATE_LIMITED",
};

const kinds = Object.keys(classes) as VendorErrorKind[];
const table = endpoints.map((endpoint) => ({ ...endpoint, name: endpoint.format.name }));

it("serves every format", () => {
  expect(table.map(({ name }) => name).toSorted()).toEqual(Object.keys(formats).toSorted());
});

describe.each(table)("$name", ({ name, format, dialect }) => {
  it.each(kinds)("says %s so that its readers understand", (kind) => {
    const message = "simulated";
    const { status, headers, body } = dialect.error({ kind, message }, "sim-1");
    expect(status).toBeGreaterThanOrEqual(400);
    const failure = format.readError(status, (header) => headers[header], Buffer.from(body));
    expect(failure.class).toBe(exceptions[`${name}: ${kind}`] ?? classes[kind]);
    expect(dialect.error({ kind, message, status: 418 }, "sim-1").status).toBe(418);
  });

  it("blocks a prompt so that its readers understand, where that is no error", () => {
    const { blockedPrompt } = dialect;
    if (blockedPrompt === undefined) return;
    expect(() => format.readResponse(Buffer.from(blockedPrompt))).toThrow(
      expect.objectContaining({ reason: "CONTENT_FILTERED" }),
    );
    expect(failureOf(format, `data: ${blockedPrompt}\r\n\r\n`)).toBe("CONTENT_FILTERED");
  });

  it("tells a wait where its vendor does", () => {
    const error = { kind: "rate_limit", message: "simulated", retryAfterSeconds: 7 } as const;
    const { status, headers, body } = dialect.error(error, "sim-1");
    const sent = dialect.tellsWaitInBody ? headers : { ...headers, "retry-after": "7" };
    const header = (one: string): string | undefined => new Headers(sent).get(one) ?? undefined;
    const failure = format.readError(status, header, Buffer.from(body), Date.now());
    expect(failure.retryAfterMs).toBe(7_000);
  });

  it("breaks a stream by an error or by what is no chunk", () => {
    const error = { kind: "overloaded", message: "simulated" } as const;
    expect(failureOf(format, dialect.streamError(error, "sim-1"))).toBe("OVERLOADED");
    expect(failureOf(format, dialect.malformedChunk)).toMatch(/^(?:MALFORMED|STREAM_BROKEN)$/);
  });
});

/** The class of the failure that a stream ends with; undefined when it does not fail. */
function failureOf(format: Format, chunk: string | Uint8Array): string | undefined {
  let failure: string | undefined;
  const ignore = (): void => undefined;
  const reader = format.createStreamReader({
    event: ignore,
    flush: ignore,
    finish: ignore,
    fail: (error) => (failure = error.metadata["failure_class"]),
  });
  reader.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
  return failure;
}
