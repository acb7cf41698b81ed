import type { MonotonicMs } from "@penstock/limits";
import { recordingObservability } from "@penstock/observability";
import { describe, expect, it } from "vitest";
import { RouterEvents } from "../events.ts";
import { createPipeline } from "../pipeline/pipeline.fixture.ts";
import { sampleSnapshot } from "../pipeline/sample-snapshot.fixture.ts";
import { TargetHealthBook } from "./target-health.ts";

/**
 * A route of one target that has just failed so often that its breaker is open, while `hanging`
 * requests that came before wait for it.
 */
function failing(hanging = 0) {
  const route = {
    name: "routes/smart",
    match: { models: ["smart"] },
    targets: [{ deployment: "deployments/a-large" }],
    maxAttempts: 1,
  };
  const snapshot = sampleSnapshot({ "routes/smart": { route } });
  const target = snapshot.deployments.get("deployments/a-large");
  if (target === undefined) throw new Error("the sample has it");
  const pipeline = createPipeline(snapshot);
  for (let at = 0; at < hanging; at += 1) pipeline.send({}, false, `hanging-${at}`);
  const hung = [...pipeline.upstream.calls];
  const fail = (): void => {
    pipeline.upstream.last.headers(500);
    pipeline.upstream.last.call.sink.onEnd();
  };
  for (let at = 0; at < 5; at += 1) {
    pipeline.send({}, false, `failed-${at}`);
    fail();
  }
  const before = pipeline.upstream.calls.length;
  let sent = 0;
  /** Sends requests at once; gives how many reached the provider, and the last caller. */
  const flood = (count: number) => {
    const from = pipeline.upstream.calls.length;
    const callers = Array.from({ length: count }, () => {
      sent += 1;
      return pipeline.send({}, false, `flood-${sent}`).downstream;
    });
    return { reached: pipeline.upstream.calls.length - from, callers };
  };
  return { ...pipeline, fail, flood, before, hung, target };
}

describe("requests while all breakers are open", () => {
  it("are told in the log once a second, with how many there were and why", () => {
    const { clock, flood, parts } = failing();
    const { logger, metrics, lines } = recordingObservability();
    const events = new RouterEvents(logger, metrics);
    parts.events.noTarget = (...told) => events.noTarget(...told);
    flood(20);
    clock.advance(1_000);
    flood(20);
    expect(lines).toMatchObject([
      {
        level: "warn",
        message: "a request found no target that may be asked now",
        request_id: "flood-2",
        reason: "NO_HEALTHY_TARGET",
        why: expect.stringContaining("deployments/a-large: "),
        requests: 1,
      },
      { request_id: "flood-22", requests: 19 },
    ]);
  });

  it("go to the provider one at a second, and the others fail fast", () => {
    const { clock, fail, flood, before } = failing();
    expect(before).toBe(5);
    const { reached, callers } = flood(20);
    expect(reached).toBe(1);
    const refused = callers.filter(({ error }) => error?.reason === "NO_HEALTHY_TARGET");
    expect(refused).toHaveLength(19);
    expect(refused[0]?.error?.retryAfterMs).toBeGreaterThan(0);
    fail();
    expect(flood(20).reached).toBe(0);
    clock.advance(1_000);
    expect(flood(20).reached).toBe(1);
  });

  it("end the time out of the target with the first that succeeds", () => {
    const { clock, flood, upstream, health, target } = failing();
    expect(flood(1).reached).toBe(1);
    expect(health.admit(target, clock.monotonicMs())).toMatchObject({ reason: "breaker_open" });
    for (let at = 0; at < 3; at += 1) {
      upstream.last.answer({ prompt_tokens: 1, completion_tokens: 1 });
      expect(flood(1).reached).toBe(1);
    }
    // Nobody had to wait, and now all may ask.
    expect(flood(20).reached).toBe(20);
  });

  it("tell who was refused to come back soon, however long the breaker stays open", () => {
    const { clock, fail, flood } = failing();
    for (let opening = 0; opening < 6; opening += 1) {
      clock.advance(300_000);
      flood(1);
      fail();
    }
    flood(1);
    fail();
    const [refused] = flood(1).callers;
    expect(refused?.error?.reason).toBe("NO_HEALTHY_TARGET");
    expect(refused?.error?.retryAfterMs).toBe(5_000);
  });

  it("never run more than three at once on it", () => {
    const { clock, flood } = failing();
    let reached = 0;
    for (let second = 0; second < 4; second += 1) {
      reached += flood(5).reached;
      clock.advance(1_000);
    }
    expect(reached).toBe(3);
  });

  it("leave no more room as attempts end that began before the breaker opened", () => {
    const { clock, flood, hung } = failing(5);
    for (let second = 0; second < 3; second += 1) {
      expect(flood(1).reached).toBe(1);
      clock.advance(1_000);
    }
    for (const call of hung) {
      call.headers(500);
      call.call.sink.onEnd();
    }
    expect(flood(5).reached).toBe(0);
  });

  it("are not taken for a success that began before the breaker opened", () => {
    const { clock, flood, hung, health, target } = failing(1);
    expect(flood(1).reached).toBe(1);
    hung[0]?.answer({ prompt_tokens: 1, completion_tokens: 1 });
    expect(health.admit(target, clock.monotonicMs())).toMatchObject({ reason: "breaker_open" });
  });

  it("are a tenth of all when they end fast", () => {
    const [deployment] = sampleSnapshot().deployments.values();
    if (deployment === undefined) throw new Error("there are two");
    let drawn = 0;
    const book = new TargetHealthBook(() => (drawn++ % 10) / 10);
    const now = 0 as MonotonicMs;
    const fail = (): void => {
      const isOpenTry = book.began(deployment, now);
      book.ended(deployment, { class: "UPSTREAM_ERROR", isOpenTry }, now);
    };
    for (let at = 0; at < 5; at += 1) fail();
    let tried = 0;
    for (let at = 0; at < 200; at += 1) {
      if (!book.mayTryOpen(deployment, now)) continue;
      tried += 1;
      fail();
    }
    // Each failure draws a number itself when it opens the breaker, and the first second is free.
    expect(tried).toBeGreaterThan(15);
    expect(tried).toBeLessThan(25);
  });
});
