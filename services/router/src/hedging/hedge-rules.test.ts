import { create } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { AttemptKind, GenerateRequestSchema, RoutingWishesSchema } from "@penstock/api";
import type { GenerateRequest } from "@penstock/api";
import { describe, expect, it, vi } from "vitest";
import { createHedgingPipeline, delayMs, hedgedRoute, openThings, usage } from "./hedge.fixture.ts";

const idle = { open: 0, inFlight: 0, bugs: [] };

/** How many calls a slow request leads to. */
function callsOf(
  changes: Readonly<Record<string, JsonValue>>,
  request: Partial<GenerateRequest> = {},
): number {
  const { send, clock, upstream } = createHedgingPipeline(changes);
  send(request);
  clock.advance(2 * delayMs);
  return upstream.calls.length;
}

const wishes = (init: object) => ({ routing: create(RoutingWishesSchema, init) });
const storing = create(GenerateRequestSchema, {
  formatParameters: { "openai-chat": { store: true } },
});
const provider = (more: object): JsonValue => ({
  provider: {
    name: "providers/b",
    kind: "openai-compatible",
    baseUrl: "http://127.0.0.1:9/b/v1",
    privateNetwork: true,
    ...more,
  },
});

describe("a second target is not asked", () => {
  it.each<[string, Readonly<Record<string, JsonValue>>, Partial<GenerateRequest>]>([
    ["where the route does not say so", { "routes/smart": withoutHedging() }, {}],
    ["where the caller wishes for none", {}, wishes({ hedging: false })],
    ["where the caller allows one attempt", {}, wishes({ maxAttempts: 1 })],
    ["where the caller allows no fallback", {}, wishes({ allowFallbacks: false })],
    ["where the answer is to be stored", {}, { formatParameters: storing.formatParameters }],
    ["of the same vendor", { "providers/b": provider({ baseUrl: "http://127.0.0.1:9/a/v1" }) }, {}],
  ])("%s", (_, changes, request) => {
    expect(callsOf({})).toBe(2);
    expect(callsOf(changes, request)).toBe(1);
  });

  it("while its breaker is open, it cools down or is full", () => {
    for (const outcome of ["UPSTREAM_ERROR", "RATE_LIMITED"] as const) {
      const { send, clock, upstream, health, snapshot } = createHedgingPipeline();
      const other = snapshot.deployments.get("deployments/b-large")!;
      send();
      for (let failure = 0; failure < 5; failure += 1) {
        health.began(other, clock.monotonicMs());
        health.ended(other, { class: outcome }, clock.monotonicMs());
      }
      clock.advance(delayMs);
      expect(upstream.calls).toHaveLength(1);
    }
    const { send, clock, upstream } = createHedgingPipeline();
    upstream.full.add("deployments/b-large");
    send();
    clock.advance(delayMs);
    expect(upstream.calls).toHaveLength(1);
  });

  it("while retries have used up their budget", () => {
    const { send, clock, upstream, parts } = createHedgingPipeline();
    const now = clock.monotonicMs();
    for (let retry = 0; retry < 4; retry += 1) {
      parts.retryBudgets.ofTarget("deployments/a-large").retry(now);
    }
    send();
    clock.advance(delayMs);
    expect(upstream.calls).toHaveLength(1);
  });

  it("where the deadline comes before its turn", () => {
    const { send, clock, upstream, spool } = createHedgingPipeline();
    send({}, false, "request", delayMs);
    clock.advance(delayMs);
    // The first one had its part of the time; it was over when the next one was asked.
    expect(upstream.calls[0]?.cancelled).toBe(true);
    expect(spool.finals[0]?.attempts.map(({ kind }) => kind)).toEqual([
      AttemptKind.PRIMARY,
      AttemptKind.FALLBACK,
    ]);
  });
});

function withoutHedging(): JsonValue {
  const targets = ["a-large", "b-large"].map((id) => ({ deployment: `deployments/${id}` }));
  return { route: { name: "routes/smart", match: { models: ["smart"] }, targets } };
}

describe("what a target's content is waited for", () => {
  it("is what 95 of 100 of its answers kept, from 300 ms to the longest wait", () => {
    const { send, clock, upstream } = createHedgingPipeline();
    const answerAfter = (timeMs: number, request: string): void => {
      send({}, false, request);
      clock.advance(timeMs);
      upstream.last.answer(usage);
    };
    for (let at = 0; at < 40; at += 1) answerAfter(500, `known-${at}`);
    expect(upstream.calls).toHaveLength(40);
    send({}, false, "late");
    clock.advance(400);
    expect(upstream.calls).toHaveLength(41);
    clock.advance(200);
    expect(upstream.calls).toHaveLength(42);
  });

  it("is never less than 300 ms", () => {
    const { send, clock, upstream } = createHedgingPipeline();
    for (let at = 0; at < 40; at += 1) {
      send({}, false, `known-${at}`);
      clock.advance(10);
      upstream.last.answer(usage);
    }
    send({}, false, "late");
    clock.advance(299);
    expect(upstream.calls).toHaveLength(41);
    clock.advance(1);
    expect(upstream.calls).toHaveLength(42);
  });

  it("does not shrink as slow ones are called off", () => {
    const { send, clock, upstream, parts, snapshot } = createHedgingPipeline();
    const target = snapshot.deployments.get("deployments/a-large")!;
    for (let at = 0; at < 400; at += 1) {
      send({}, false, `request-${at}`);
      // One in ten is slow, and beaten where it may be; nobody ever hears how slow it is.
      clock.advance(at % 10 === 0 ? 2_000 : 310);
      upstream.last.answer(usage);
    }
    const { hedging } = snapshot.routes.get("routes/smart")!;
    const lateMs = parts.hedging.delayMs(hedging!, target, false, clock.monotonicMs());
    expect(lateMs).toBeGreaterThan(400);
  });
});

describe("second calls", () => {
  it("are at most 2 % of the requests, and one, when every request is slow", () => {
    const { send, clock, upstream, spool, ...rest } = createHedgingPipeline();
    const requests = 1_000;
    for (let at = 0; at < requests; at += 1) {
      send({}, at % 2 === 0, `request-${at}`);
      clock.advance(delayMs);
      // Whoever was asked last answers.
      const { last } = upstream;
      if (at % 2 === 0) {
        last.headers(200, {}, true);
        last.content("hi");
        last.data('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n');
        last.data("data: [DONE]\n\n");
        last.call.sink.onEnd();
      } else last.answer(usage);
    }
    const second = upstream.calls.length - requests;
    expect(second).toBeGreaterThan(10);
    expect(second).toBeLessThanOrEqual(1 + requests * 0.02);
    expect(spool.finals).toHaveLength(requests);
    expect(openThings({ ...rest, clock })).toEqual(idle);
  });
});

describe("a second call with quotas", () => {
  const limit = (name: string, more: object): JsonValue => ({
    limit: { name, scope: { all: true }, onUnavailable: "UNAVAILABLE_MODE_ALLOW", ...more },
  });
  const onSecond = { selector: { deployment: "deployments/b-large" } };

  it("holds what is its own, and each token is charged once", () => {
    const { send, clock, upstream, spool, ...rest } = createHedgingPipeline({
      "limits/tokens": limit("limits/tokens", { tokensPerMinute: "1000000" }),
      "limits/requests": limit("limits/requests", { requestsPerMinute: "1000" }),
      "limits/second": limit("limits/second", { tokensPerMinute: "1000000", ...onSecond }),
    });
    send();
    // Quota does not answer, and each limit then allows: that takes a moment.
    clock.advance(150);
    clock.advance(delayMs);
    clock.advance(150);
    expect(upstream.calls).toHaveLength(2);
    upstream.last.answer(usage);
    const [event] = spool.finals;
    const taken = (quota: string): bigint[] =>
      (event?.charges ?? []).filter((one) => one.quota === quota).map(({ settled }) => settled);
    const read = event?.attempts[0]?.usage?.inputTokens ?? 0n;
    expect(read).toBeGreaterThan(0n);
    expect(taken("limits/tokens")).toEqual([15n, read]);
    expect(taken("limits/second")).toEqual([15n]);
    expect(taken("limits/requests")).toEqual([1n]);
    expect(openThings({ ...rest, clock })).toEqual(idle);
  });

  it("is not made where they have no room, and the first goes on", () => {
    const full = { tokensPerMinute: "1", onUnavailable: "UNAVAILABLE_MODE_DENY", ...onSecond };
    const { send, clock, upstream, spool } = createHedgingPipeline({
      "limits/second": limit("limits/second", full),
    });
    const { downstream } = send();
    clock.advance(delayMs + 500);
    expect(upstream.calls).toHaveLength(1);
    upstream.last.answer(usage);
    expect(downstream.heard).toEqual(["answer"]);
    expect(spool.finals[0]?.charges).toEqual([]);
  });

  it("is not made when the first answers while they are asked for", () => {
    const { send, clock, upstream, spool } = createHedgingPipeline({
      "limits/second": limit("limits/second", { tokensPerMinute: "1000000", ...onSecond }),
      "routes/smart": hedgedRoute(),
    });
    send();
    clock.advance(delayMs);
    upstream.last.answer(usage);
    clock.advance(1_000);
    expect(upstream.calls).toHaveLength(1);
    expect(spool.finals).toHaveLength(1);
  });

  it("gives them back where a mistake of ours comes before the call", () => {
    const { send, clock, upstream, parts, leases, bugs, ...rest } = createHedgingPipeline({
      "limits/second": limit("limits/second", { tokensPerMinute: "1000000", ...onSecond }),
    });
    const [reserved, given] = [vi.spyOn(leases, "waitForGrant"), vi.spyOn(leases, "void")];
    vi.spyOn(parts.hedging, "take").mockImplementation(() => {
      throw new Error("planted");
    });
    const { downstream } = send();
    clock.advance(delayMs + 500);
    expect([upstream.calls.length, reserved.mock.calls.length]).toEqual([1, 1]);
    expect(given).toHaveBeenCalledOnce();
    expect([downstream.error?.reason, bugs.length]).toEqual(["INTERNAL", 1]);
    expect(openThings({ ...rest, clock, bugs })).toEqual({ ...idle, bugs });
  });
});
