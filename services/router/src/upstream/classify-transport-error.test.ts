import { describe, expect, it } from "vitest";
import { classifyTransportError } from "./classify-transport-error.ts";
import type { CallPhase } from "./classify-transport-error.ts";

function errorWith(code: string): Error {
  return Object.assign(new Error("words that nobody matches on"), { code });
}

describe("a connection that failed", () => {
  it.each([
    ["ENOTFOUND", "connecting", "name_unknown"],
    ["EAI_AGAIN", "connecting", "name_unknown"],
    ["ECONNREFUSED", "connecting", "connection_refused"],
    ["ENETUNREACH", "connecting", "network_unreachable"],
    ["PENSTOCK_ADDRESS_REFUSED", "connecting", "address_refused"],
    ["CERT_HAS_EXPIRED", "connecting", "tls_failed"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "connecting", "tls_failed"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "connecting", "tls_failed"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "connecting", "tls_failed"],
    ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "sent", "tls_failed"],
    ["ECONNRESET", "connecting", undefined],
    ["ECONNRESET", "sent", "connection_dropped"],
    ["CONNECTION_ENDED", "sent", "connection_dropped"],
  ] as const)("with %s while %s is told as %s", (code, phase, cause) => {
    const failure = classifyTransportError(errorWith(code), phase);
    expect(failure).toMatchObject({ class: "CONNECTION", code });
    expect(failure.cause).toBe(cause);
  });

  it.each(["connecting", "sent"] satisfies CallPhase[])(
    "looks into what caused an error while %s",
    (phase) => {
      const wrapped = new AggregateError([errorWith("ECONNREFUSED")]);
      expect(classifyTransportError(wrapped, phase).cause).toBe("connection_refused");
    },
  );

  it("is a broken answer once there is one", () => {
    const failure = classifyTransportError(errorWith("ECONNRESET"), "answering");
    expect(failure.class).toBe("STREAM_BROKEN");
    expect(failure.cause).toBeUndefined();
  });
});
