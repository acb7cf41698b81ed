import { Door } from "@penstock/api";
import { monotonicMs, wallMs } from "@penstock/limits";
import { silentObservability } from "@penstock/observability";
import { generateKey } from "@penstock/runtime";
import { describe, expect, it } from "vitest";
import { authenticate } from "./authenticate.ts";
import { RequestContext } from "./request-context.ts";
import { sampleSnapshot } from "./sample-snapshot.fixture.ts";
import { silentDownstream } from "./silent-downstream.ts";

const { tracer } = silentObservability();
const key = generateKey("psk");
const name = "projects/p/virtualKeys/k";

function context(token: string, options: { atMs?: number; change?: object } = {}): RequestContext {
  const credentials = [{ id: key.id, sha256: Buffer.from(key.sha256).toString("base64") }];
  const snapshot = sampleSnapshot({
    [name]: { virtualKey: { name, credentials, ...options.change } },
  });
  const parent = { traceId: "a".repeat(32), spanId: "b".repeat(16), sampled: true };
  return new RequestContext(
    {
      requestId: "r",
      door: Door.GRPC,
      token,
      snapshot,
      parent,
      startMonotonicMs: monotonicMs(0),
      startWallMs: wallMs(options.atMs ?? 1_000),
      timeoutMs: 1_000,
    },
    tracer.newContext(parent),
    silentDownstream,
  );
}

const parts = { tracer, isRevoked: () => false };

describe("authenticate", () => {
  it("finds the caller of a valid key", () => {
    const made = context(key.text);
    expect(authenticate(made, parts)).toBeUndefined();
    expect(made.caller?.virtualKey).toBe(name);
    expect(made.trace.traceId).toBe("a".repeat(32));
  });

  it.each([
    ["no key", "", "KEY_MISSING"],
    ["a key that is none", "sk-123", "KEY_INVALID"],
    ["SQL", "' OR (SELECT pg_sleep(8)) IS NOT NULL --", "KEY_INVALID"],
    ["a key of another installation", generateKey("psk").text, "KEY_INVALID"],
    [
      "a wrong checksum",
      `${key.text.slice(0, -1)}${key.text.endsWith("0") ? "1" : "0"}`,
      "KEY_INVALID",
    ],
    ["an admin token", generateKey("pat").text, "KEY_INVALID"],
  ])("refuses %s", (_, token, reason) => {
    expect(authenticate(context(token), parts)?.reason).toBe(reason);
  });

  it("says the same of an unknown key as of a wrong one, and never repeats it", () => {
    const unknown = authenticate(context(generateKey("psk").text), parts);
    const wrong = authenticate(context("psk_x"), parts);
    expect(unknown?.message).toBe(wrong?.message);
    expect(unknown?.message).not.toContain("psk_a");
  });

  it("refuses an expired key, and a revoked one before its revision came", () => {
    const change = { expireTime: new Date(5_000).toISOString() };
    expect(authenticate(context(key.text, { atMs: 4_999, change }), parts)).toBeUndefined();
    const late = authenticate(context(key.text, { atMs: 5_000, change }), parts);
    expect(late?.reason).toBe("KEY_EXPIRED");
    const revoked = authenticate(context(key.text), { ...parts, isRevoked: (of) => of === name });
    expect(revoked?.reason).toBe("KEY_REVOKED");
  });

  it("begins a new trace and links the caller's when it is not trusted", () => {
    const made = context(key.text, { change: { trustTraceContext: false } });
    expect(authenticate(made, parts)).toBeUndefined();
    expect(made.trace.traceId).not.toBe("a".repeat(32));
    expect(made.links.map((link) => link.traceId)).toEqual(["a".repeat(32)]);
  });
});
