import { create } from "@bufbuild/protobuf";
import { AttemptKind, RequestOutcome, SamplingSchema, UsageSource } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { describe, expect, it } from "vitest";
import {
  askTwice,
  createHedgingPipeline,
  delayMs,
  hedgedRoute,
  openThings,
  usage,
} from "./hedge.fixture.ts";

const idle = { open: 0, inFlight: 0, bugs: [] };
const pieces = { stream: true } as const;

describe("a request whose first target is slow", () => {
  it.each([true, false])("has another one asked after the delay (stream: %s)", (stream) => {
    const { clock, upstream, send } = createHedgingPipeline();
    send({}, stream);
    clock.advance(delayMs - 1);
    expect(upstream.calls).toHaveLength(1);
    clock.advance(1);
    expect(upstream.calls.map(({ deployment }) => deployment)).toEqual([
      "deployments/a-large",
      "deployments/b-large",
    ]);
    expect(upstream.calls.map(({ call }) => call.attemptId)).toEqual(["request.1", "request.2"]);
    expect(upstream.calls.some(({ cancelled }) => cancelled)).toBe(false);
    clock.advance(10 * delayMs);
    expect(upstream.calls).toHaveLength(2);
  });

  it("is answered by the second, and the first is called off and paid for what it read", () => {
    const { first, second, downstream, spool, ...rest } = askTwice();
    rest.clock.advance(200);
    second.answer(usage);
    expect(first.cancelled).toBe(true);
    expect(second.cancelled).toBe(false);
    expect(downstream.heard).toEqual(["answer"]);
    expect(downstream.facts).toMatchObject({ deployment: "deployments/b-large", attempt: 2 });
    const [event] = spool.finals;
    expect(event?.outcome).toBe(RequestOutcome.COMPLETED);
    expect(event?.attempts).toMatchObject([
      { number: 1, kind: AttemptKind.PRIMARY, outcome: "CANCELLED", committed: false },
      { number: 2, kind: AttemptKind.HEDGE, outcome: "OK", committed: true },
    ]);
    const [called, answered] = event?.attempts ?? [];
    expect(called?.usage).toMatchObject({ source: UsageSource.ESTIMATED, outputTokens: 0n });
    expect(called?.usage?.inputTokens).toBeGreaterThan(0n);
    expect(answered?.usage).toMatchObject({ inputTokens: 10n, outputTokens: 5n });
    expect(event?.costNanoUsd).toBe((called?.costNanoUsd ?? 0n) + (answered?.costNanoUsd ?? 0n));
    expect(event?.estimated).toBe(true);
    // The caller hears of the tokens of its answer alone.
    expect(downstream.settled?.usage.inputTokens).toBe(10n);
    expect(openThings(rest)).toEqual(idle);
  });

  it("is answered by the first when that is faster after all", () => {
    const { first, second, downstream, spool, ...rest } = askTwice();
    first.answer(usage);
    expect(second.cancelled).toBe(true);
    expect(downstream.facts).toMatchObject({ deployment: "deployments/a-large", attempt: 1 });
    expect(spool.finals[0]?.attempts).toMatchObject([
      { number: 2, kind: AttemptKind.HEDGE, outcome: "CANCELLED" },
      { number: 1, kind: AttemptKind.PRIMARY, outcome: "OK" },
    ]);
    expect(openThings(rest)).toEqual(idle);
  });

  it("has one stream, of whichever has content first", () => {
    const { first, second, downstream, spool, ...rest } = askTwice({}, pieces);
    first.headers(200, {}, true);
    second.headers(200, {}, true);
    expect(downstream.heard).toEqual([]);
    second.content("two");
    first.content("one");
    expect(first.cancelled).toBe(true);
    second.data(
      'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
    );
    second.call.sink.onEnd();
    expect(downstream.heard.filter((word) => word === "start" || word === "finish")).toEqual([
      "start",
      "finish",
    ]);
    expect(downstream.facts?.deployment).toBe("deployments/b-large");
    const [called] = spool.finals[0]?.attempts ?? [];
    // It had begun to answer, so that its output counts as well, of which there was none.
    expect(called).toMatchObject({ number: 1, httpStatus: 200, outcome: "CANCELLED" });
    expect(called?.usage?.outputTokens).toBe(0n);
    expect(openThings(rest)).toEqual(idle);
  });

  it("costs nothing at a provider that was not even reached", () => {
    const { first, second, spool } = askTwice();
    first.sentBytes = false;
    second.answer(usage);
    expect(spool.finals[0]?.attempts[0]?.usage).toBeUndefined();
    expect(spool.finals[0]?.estimated).toBe(false);
  });

  it("blames neither target for being called off", () => {
    const { second, health, clock } = askTwice();
    second.answer(usage);
    const known = health.list(clock.monotonicMs());
    expect(known.map(({ consecutiveFailures }) => consecutiveFailures)).toEqual([0, 0]);
  });

  it("goes on with the one that did not fail", () => {
    for (const loser of ["first", "second"] as const) {
      const { downstream, spool, upstream, ...asked } = askTwice();
      const winner = loser === "first" ? asked.second : asked.first;
      asked[loser].headers(500);
      asked[loser].call.sink.onEnd();
      expect(downstream.heard).toEqual([]);
      expect(winner.cancelled).toBe(false);
      winner.answer(usage);
      expect(downstream.heard).toEqual(["answer"]);
      expect(upstream.calls).toHaveLength(2);
      expect(spool.finals[0]?.attempts.map(({ outcome }) => outcome)).toEqual([
        "UPSTREAM_ERROR",
        "OK",
      ]);
      expect(openThings(asked)).toEqual(idle);
    }
  });

  it("fails when both have failed, with a retry in between where one is left", () => {
    const { first, second, downstream, upstream, clock, spool, ...rest } = askTwice();
    for (const call of [first, second]) {
      call.headers(500);
      call.call.sink.onEnd();
    }
    clock.advance(200);
    expect(upstream.calls[2]?.deployment).toBe("deployments/b-large");
    upstream.last.headers(500);
    upstream.last.call.sink.onEnd();
    expect(downstream.heard).toEqual(["fail"]);
    expect(spool.finals[0]?.attempts.map(({ kind }) => kind)).toEqual([
      AttemptKind.PRIMARY,
      AttemptKind.HEDGE,
      AttemptKind.RETRY,
    ]);
    expect(openThings({ ...rest, clock })).toEqual(idle);
  });

  it("does not show to others what a content filter has refused", () => {
    const refused = { error: { code: "content_filter", message: "no" } };
    const { first, second, downstream, ...rest } = askTwice();
    first.headers(400);
    first.data(JSON.stringify(refused));
    first.call.sink.onEnd();
    expect(downstream.error?.reason).toBe("CONTENT_FILTERED");
    expect(second.cancelled).toBe(true);
    expect(openThings(rest)).toEqual(idle);
    const route = hedgedRoute({}, { contentFilterFallback: true });
    const again = askTwice({ "routes/smart": route });
    again.first.headers(400);
    again.first.data(JSON.stringify(refused));
    again.first.call.sink.onEnd();
    again.second.answer(usage);
    expect(again.downstream.heard).toEqual(["answer"]);
  });

  it.each(["cancel", "interrupt"] as const)("ends both when it is told to (%s)", (how) => {
    const { first, second, handler, spool, downstream, ...rest } = askTwice({}, pieces);
    if (how === "cancel") handler.cancel();
    else handler.interrupt(new GatewayError("DRAINING", "The end."));
    expect([first.cancelled, second.cancelled]).toEqual([true, true]);
    expect(spool.finals).toHaveLength(1);
    expect(spool.finals[0]?.attempts.map(({ outcome }) => outcome)).toEqual([
      "CANCELLED",
      "CANCELLED",
    ]);
    expect(downstream.heard).toEqual(how === "cancel" ? [] : ["fail"]);
    expect(openThings(rest)).toEqual(idle);
  });

  it("ends with both at its deadline", () => {
    const { clock, upstream, send, spool, ...rest } = createHedgingPipeline();
    const { downstream } = send({}, true, "request", 3_000);
    clock.advance(3_000);
    expect(upstream.calls.map(({ cancelled }) => cancelled)).toEqual([true, true]);
    expect(downstream.error?.reason).toBe("DEADLINE_EXCEEDED");
    expect(spool.finals).toHaveLength(1);
    expect(openThings({ ...rest, clock })).toEqual(idle);
  });

  it("ends, and the process goes on, when the second call leads into a mistake of ours", () => {
    const { clock, upstream, send, spool, bugs, ...rest } = createHedgingPipeline();
    const { downstream } = send();
    upstream.mistake = new Error("planted");
    clock.advance(delayMs);
    expect(downstream.error?.reason).toBe("INTERNAL");
    expect(upstream.calls[0]?.cancelled).toBe(true);
    expect(spool.finals).toHaveLength(1);
    expect(openThings({ ...rest, clock, bugs })).toEqual({ ...idle, bugs });
    expect(bugs).toHaveLength(1);
  });

  it("tells the warnings of the one that answers", () => {
    const limited = {
      deployment: {
        name: "deployments/b-large",
        provider: "providers/b",
        model: "b-large",
        capabilities: { seed: false },
      },
    };
    const sampling = create(SamplingSchema, { seed: 7n });
    const request = { sampling };
    const changes = { "deployments/b-large": limited };
    const slow = askTwice(changes, { request });
    slow.second.answer(usage);
    expect(slow.downstream.end?.warnings).toHaveLength(1);
    const fast = askTwice(changes, { request });
    fast.first.answer(usage);
    expect(fast.downstream.end?.warnings).toEqual([]);
    const failed = askTwice(changes, { request });
    failed.second.headers(500);
    failed.second.call.sink.onEnd();
    failed.first.answer(usage);
    expect(failed.downstream.end?.warnings).toEqual([]);
  });
});
