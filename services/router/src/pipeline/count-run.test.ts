import type { JsonValue } from "@bufbuild/protobuf";
import { CountEstimateReason, RequestOutcome, UsageSource } from "@penstock/api";
import { hashKey } from "@penstock/runtime";
import { describe, expect, it, vi } from "vitest";
import { createPipeline } from "./pipeline.fixture.ts";
import type { FakeCall } from "./pipeline.fixture.ts";
import { sampleKey, sampleSnapshot } from "./sample-snapshot.fixture.ts";

/** A provider of Anthropic's kind, which counts. */
function anthropic(id: string): Record<string, JsonValue> {
  const name = `providers/${id}`;
  const baseUrl = `http://127.0.0.1:9/${id}/v1`;
  const credential = `env:KEY_${id.toUpperCase()}`;
  const provider = { name, kind: "anthropic", baseUrl, privateNetwork: true, credential };
  return { [name]: { provider } };
}

function deployment(id: string, more: Record<string, JsonValue>): Record<string, JsonValue> {
  const name = `deployments/${id}-large`;
  const known = { name, provider: `providers/${id}`, model: `${id}-large` };
  return { [name]: { deployment: { ...known, ...more } } };
}

/** A server that speaks OpenAI's format, and counts nothing. */
function sampleProvider(): JsonValue {
  const baseUrl = "http://127.0.0.1:9/a/v1";
  const known = { name: "providers/a", kind: "openai-compatible", baseUrl };
  return { provider: { ...known, privateNetwork: true } };
}

const sampleKeyHash = Buffer.from(hashKey(sampleKey)).toString("base64");
const both = { ...anthropic("a"), ...anthropic("b") };
const limits = (limit: Record<string, JsonValue>): Record<string, JsonValue> => ({
  "limits/x": { limit: { name: "limits/x", scope: { all: true }, ...limit } },
});

const pipelineOf = (changes: Record<string, JsonValue> = {}) =>
  createPipeline(sampleSnapshot({ ...both, ...changes }));

function counts(call: FakeCall, inputTokens: number): void {
  call.headers(200);
  call.data(JSON.stringify({ input_tokens: inputTokens }));
  call.call.sink.onEnd();
}

function fails(call: FakeCall, status: number, type: string): void {
  call.headers(status);
  call.data(JSON.stringify({ type: "error", error: { type, message: "no" } }));
  call.call.sink.onEnd();
}

const estimated = { source: UsageSource.ESTIMATED, deployment: "deployments/a-large" };

describe("a count", () => {
  it("comes from the provider that would answer, and is recorded as a request without usage", () => {
    const { count, upstream, spool, admission } = pipelineOf();
    const { downstream } = count({ sampling: { maxOutputTokens: 9 } as never });
    const { call } = upstream.last;
    expect(call).toMatchObject({ path: "/a/v1/messages/count_tokens", attemptId: "request.1" });
    expect(JSON.parse(String(call.body))).toEqual({
      model: "a-large",
      messages: [{ role: "user", content: "hi" }],
    });
    counts(upstream.last, 14);
    expect(downstream.heard).toEqual(["counted"]);
    expect(downstream.count).toMatchObject({
      inputTokens: 14n,
      source: UsageSource.REPORTED,
      route: "routes/smart",
      deployment: "deployments/a-large",
      estimateReason: CountEstimateReason.UNSPECIFIED,
      estimateDetail: "",
    });
    expect(admission.open).toBe(0);
    const [event] = spool.finals;
    expect(event).toMatchObject({ countTokens: true, outcome: RequestOutcome.COMPLETED });
    expect(event?.attempts).toMatchObject([{ deployment: "deployments/a-large", outcome: "OK" }]);
    expect([event?.usage, event?.attempts[0]?.usage, event?.charges]).toEqual([
      undefined,
      undefined,
      [],
    ]);
    expect(event?.costNanoUsd ?? 0n).toBe(0n);
  });

  it("comes from the next target when an endpoint fails, which then is left alone for a while", () => {
    const { count, upstream, spool, clock } = pipelineOf();
    const { downstream } = count();
    fails(upstream.last, 500, "api_error");
    expect(upstream.last.deployment).toBe("deployments/b-large");
    counts(upstream.last, 9);
    expect(downstream.count).toMatchObject({ inputTokens: 9n, deployment: "deployments/b-large" });
    expect(spool.finals[0]?.attempts.map(({ outcome }) => outcome)).toEqual([
      "UPSTREAM_ERROR",
      "OK",
    ]);
    count();
    expect(upstream.last.deployment).toBe("deployments/b-large");
    clock.advance(31_000);
    count();
    expect(upstream.last.deployment).toBe("deployments/a-large");
  });

  it.each([
    [500, "api_error", 31_000],
    [429, "rate_limit_error", 31_000],
    [529, "overloaded_error", 31_000],
    [404, "not_found_error", 601_000],
    [403, "permission_error", 601_000],
  ])("that failed with %i says nothing about answers", (status, type, pauseMs) => {
    const { count, send, upstream, health, clock } = pipelineOf({
      "deployments/b-large": null,
      ...route("a"),
    });
    for (let at = 0; at < 10; at += 1) {
      const { downstream } = count();
      fails(upstream.last, status, type);
      expect(downstream.count).toMatchObject({
        ...estimated,
        inputTokens: 28n,
        estimateReason: CountEstimateReason.FAILED,
        estimateDetail: expect.stringContaining(`HTTP status ${status}`) as string,
      });
      clock.advance(pauseMs);
    }
    expect(health.list(clock.monotonicMs())[0]).toMatchObject({
      admission: { ok: true },
      consecutiveFailures: 0,
      inFlight: 0,
    });
    const asked = upstream.calls.length;
    send();
    expect(upstream.calls).toHaveLength(asked + 1);
  });

  it("whose headers tell of limits tells of those of counts alone", () => {
    const { count, send, upstream, health, clock } = pipelineOf();
    count();
    const ratelimit = "anthropic-ratelimit-requests";
    const reset = new Date(clock.wallMs() + 60_000).toISOString();
    const left = { [`${ratelimit}-limit`]: "9", [`${ratelimit}-remaining`]: "0" };
    upstream.last.headers(200, { ...left, [`${ratelimit}-reset`]: reset });
    upstream.last.data(JSON.stringify({ input_tokens: 5 }));
    upstream.last.call.sink.onEnd();
    expect(health.list(clock.monotonicMs())[0]?.admission).toEqual({ ok: true });
    send();
    expect(upstream.last.deployment).toBe("deployments/a-large");
  });

  it("that met a refused credential keeps it from answers, which have the same", () => {
    const { count, send, upstream } = pipelineOf();
    count();
    fails(upstream.last, 401, "authentication_error");
    counts(upstream.last, 3);
    send();
    expect(upstream.last.deployment).toBe("deployments/b-large");
  });

  it("is given up after 3 s at one provider, 5 s at all, and within the caller's time", () => {
    const { count, upstream, clock, spool } = pipelineOf();
    const { downstream } = count();
    clock.advance(3_000);
    expect(upstream.calls.map(({ cancelled }) => cancelled)).toEqual([true, false]);
    clock.advance(2_000);
    expect(upstream.last.cancelled).toBe(true);
    expect(downstream.count).toMatchObject({
      ...estimated,
      estimateReason: CountEstimateReason.FAILED,
    });
    expect(spool.finals).toHaveLength(1);
    clock.advance(31_000);
    const hurried = count({}, 1_000);
    clock.advance(1_000);
    expect(hurried.downstream.heard).toEqual(["counted"]);
  });

  it("that a provider refuses as malformed goes to no other", () => {
    const { count, upstream } = pipelineOf();
    const { downstream } = count();
    fails(upstream.last, 400, "invalid_request_error");
    expect(upstream.calls).toHaveLength(1);
    expect(downstream.count).toMatchObject({
      ...estimated,
      estimateReason: CountEstimateReason.FAILED,
      estimateDetail: "deployments/a-large: counting ended as BAD_REQUEST with HTTP status 400: no",
    });
    count();
    expect(upstream.calls).toHaveLength(2);
  });

  it("that is none is an estimate", () => {
    const { count, upstream } = pipelineOf();
    const { downstream } = count();
    counts(upstream.last, 0);
    upstream.last.headers(200);
    upstream.last.data("<html>");
    upstream.last.call.sink.onEnd();
    expect(downstream.count).toMatchObject({
      ...estimated,
      estimateReason: CountEstimateReason.FAILED,
    });
  });

  it("takes one of a limit on requests, also where that is the target's", () => {
    const allow = { requestsPerMinute: "50", onUnavailable: "UNAVAILABLE_MODE_ALLOW" };
    for (const selector of [{}, { selector: { deployment: "deployments/a-large" } }]) {
      const { count, upstream, clock, spool } = pipelineOf(limits({ ...allow, ...selector }));
      count();
      clock.advance(500);
      counts(upstream.last, 5);
      expect(spool.finals[0]?.charges).toMatchObject([{ quota: "limits/x", settled: 1n }]);
    }
  });
});

/** The route with these deployments alone. */
function route(...ids: string[]): Record<string, JsonValue> {
  const targets = ids.map((id) => ({ deployment: `deployments/${id}-large` }));
  return {
    "routes/smart": { route: { name: "routes/smart", match: { models: ["smart"] }, targets } },
  };
}

describe("nobody is asked", () => {
  it.each([
    ["kind has no endpoint", { "providers/a": sampleProvider() }],
    [
      "endpoint is said not to be there",
      deployment("a", { capabilities: { tokenCounting: false } }),
    ],
  ])("where the first target's %s, whatever the next can do", (_what, changes) => {
    const { count, upstream, spool, admission } = pipelineOf(changes);
    const { downstream } = count();
    expect(upstream.calls).toHaveLength(0);
    expect(downstream.count).toMatchObject({
      ...estimated,
      inputTokens: 28n,
      estimateReason: CountEstimateReason.NOT_OFFERED,
      estimateDetail: "deployments/a-large has no endpoint that counts",
    });
    expect([spool.begun.size, spool.finals.length, admission.open]).toEqual([0, 0, 0]);
  });

  it("while connections are in use or circuits open", () => {
    const { count, upstream, health, clock } = pipelineOf(route("a"));
    upstream.full.add("deployments/a-large");
    const unavailable = { ...estimated, estimateReason: CountEstimateReason.UNAVAILABLE };
    expect(count().downstream.count).toMatchObject(unavailable);
    upstream.full.clear();
    const target = count().handler.context.route?.targets[0];
    if (target === undefined) throw new Error("the route has one");
    for (let at = 0; at < 10; at += 1) {
      health.began(target.deployment, clock.monotonicMs());
      health.ended(target.deployment, { class: "UPSTREAM_ERROR" }, clock.monotonicMs());
    }
    const asked = upstream.calls.length;
    expect(count().downstream.count).toMatchObject(unavailable);
    expect(upstream.calls).toHaveLength(asked);
  });

  it("when a limit on requests can't give one; a limit on tokens does not matter", () => {
    const deny = { onUnavailable: "UNAVAILABLE_MODE_DENY" };
    const limited = pipelineOf(limits({ requestsPerMinute: "5", ...deny }));
    const { downstream } = limited.count();
    limited.clock.advance(500);
    expect(limited.upstream.calls).toHaveLength(0);
    expect(downstream.count).toMatchObject({
      ...estimated,
      estimateReason: CountEstimateReason.LIMITED,
      estimateDetail: expect.stringContaining("limits/x") as string,
    });
    expect(limited.spool.finals).toHaveLength(0);
    const tokens = pipelineOf(limits({ tokensPerMinute: "5", ...deny }));
    tokens.count();
    expect(tokens.upstream.calls).toHaveLength(1);
  });

  it("when the call could not be recorded", () => {
    const { count, upstream, spool } = pipelineOf();
    spool.takesIntents = false;
    expect(count().downstream.count).toMatchObject({
      ...estimated,
      estimateReason: CountEstimateReason.UNRECORDED,
    });
    expect(upstream.calls).toHaveLength(0);
  });

  it("when the request would be refused, which is not recorded either", () => {
    const { count, spool } = pipelineOf();
    const { downstream } = count({ model: "nowhere" });
    expect(downstream.error?.reason).toBe("MODEL_NOT_FOUND");
    expect(spool.finals).toHaveLength(0);
  });
});

describe("a limit on requests of which one is left", () => {
  /** 5 % of 21 may be used while quota can't be asked. */
  const oneLeft = limits({
    requestsPerMinute: "21",
    onUnavailable: "UNAVAILABLE_MODE_ALLOW_CAPPED",
  });
  const ofOne = () => {
    const { count, ...pipeline } = pipelineOf(oneLeft);
    const counted = () => {
      const { downstream } = count();
      pipeline.clock.advance(500);
      return downstream;
    };
    return { ...pipeline, counted };
  };

  it("is used by a provider that was asked", () => {
    const { counted, upstream } = ofOne();
    counted();
    counts(upstream.last, 5);
    expect(counted().count).toMatchObject({ estimateReason: CountEstimateReason.LIMITED });
  });

  it("still has it when the call could not be recorded", () => {
    const { counted, upstream, spool } = ofOne();
    spool.takesIntents = false;
    expect(counted().count).toMatchObject({ estimateReason: CountEstimateReason.UNRECORDED });
    expect(spool.finals).toEqual([]);
    spool.takesIntents = true;
    counted();
    counts(upstream.last, 5);
    expect(spool.finals[0]?.charges).toMatchObject([{ quota: "limits/x", settled: 1n }]);
  });

  it("still has it when every target fell out before it was asked, as the record says", () => {
    const { counted, upstream, spool } = ofOne();
    const held: NonNullable<typeof spool.held> = [];
    spool.held = held;
    const downstream = counted();
    for (const id of ["a", "b"]) upstream.full.add(`deployments/${id}-large`);
    held[0]?.onSpooled(undefined);
    expect(downstream.count).toMatchObject({ estimateReason: CountEstimateReason.UNAVAILABLE });
    expect(spool.finals).toMatchObject([{ attempts: [], charges: [] }]);
    upstream.full.clear();
    spool.held = undefined;
    counted();
    expect(upstream.calls).toHaveLength(1);
  });
});

describe("the caps of requests in flight", () => {
  it("hold counts, too", () => {
    const key = {
      name: "projects/p/virtualKeys/k",
      credentials: [{ id: sampleKey.slice(4, 16), sha256: sampleKeyHash }],
      maxConcurrentRequests: 1,
    };
    const { count, send, upstream, admission } = pipelineOf({
      "projects/p/virtualKeys/k": { virtualKey: key },
    });
    count();
    expect(admission.open).toBe(1);
    expect(count().downstream.error?.reason).toBe("LIMIT_EXCEEDED");
    expect(send().downstream.error?.reason).toBe("LIMIT_EXCEEDED");
    counts(upstream.last, 5);
    expect(admission.open).toBe(0);
  });

  it("are left when the caller goes, and so is the provider", () => {
    const { count, upstream, admission, spool } = pipelineOf();
    count().handler.cancel();
    expect(upstream.last.cancelled).toBe(true);
    expect(admission.open).toBe(0);
    expect(spool.finals[0]?.attempts).toMatchObject([{ outcome: "CANCELLED" }]);
  });

  const onTarget = { selector: { deployment: "deployments/a-large" } };
  const allow = { requestsPerMinute: "50", onUnavailable: "UNAVAILABLE_MODE_ALLOW" };
  const planted = (): never => {
    throw new Error("planted");
  };

  it("are left when the call to a provider can't be made by a mistake of ours", () => {
    const pipeline = pipelineOf(limits({ ...allow, ...onTarget }));
    const voided = vi.spyOn(pipeline.leases, "void");
    const { downstream } = pipeline.count();
    vi.spyOn(pipeline.parts.tracer, "newSpanId").mockImplementationOnce(planted);
    pipeline.clock.advance(500);
    expect(downstream.error?.reason).toBe("INTERNAL");
    expect(voided).toHaveBeenCalledOnce();
  });

  it("are left when a mistake of ours meets another one", () => {
    const pipeline = pipelineOf(limits({ ...allow, ...onTarget }));
    const { downstream } = pipeline.count();
    pipeline.clock.advance(500);
    pipeline.leases.settle = planted;
    pipeline.upstream.last.call.sink.onHeaders(200, planted, false);
    expect(downstream.heard).toEqual(["fail"]);
    expect(downstream.error?.reason).toBe("INTERNAL");
    expect(pipeline.bugs).toHaveLength(2);
    expect(pipeline.admission.open).toBe(0);
    expect(pipeline.spool.finals).toHaveLength(1);
  });
});
