import type { MonotonicMs } from "@penstock/limits";
import { describe, expect, it } from "vitest";
import { createPipeline } from "../pipeline/pipeline.fixture.ts";
import { sampleSnapshot } from "../pipeline/sample-snapshot.fixture.ts";
import { ToldLimits } from "./told-limits.ts";

/** Headers as OpenAI documents them. */
function limits(requests: string, tokens: string, reset = "2s"): Record<string, string> {
  return {
    "x-ratelimit-limit-requests": "60",
    "x-ratelimit-remaining-requests": requests,
    "x-ratelimit-reset-requests": reset,
    "x-ratelimit-limit-tokens": "150000",
    "x-ratelimit-remaining-tokens": tokens,
    "x-ratelimit-reset-tokens": "6m0s",
  };
}

function told(): (headers: Readonly<Record<string, string>>, nowMs?: number) => ToldLimits {
  const book = ToldLimits.of("openai");
  if (book === undefined) throw new Error("OpenAI tells of its limits");
  return (headers, nowMs = 0) => {
    book.hear((name) => headers[name], nowMs as MonotonicMs);
    return book;
  };
}

describe("what a provider tells of its limits", () => {
  it("is kept, and read when somebody asks", () => {
    expect(told()(limits("59", "149984")).amounts).toMatchObject({
      requests: { limit: 60, remaining: 59 },
      tokens: { limit: 150_000, remaining: 149_984 },
    });
    expect(ToldLimits.of("openai-compatible")).toBeUndefined();
  });

  it("says until when nothing is left, at most for a minute", () => {
    expect(told()(limits("0", "7"), 1_000).usedUpUntil).toBe(3_000);
    expect(told()(limits("1", "0"), 1_000).usedUpUntil).toBe(61_000);
    expect(told()(limits("1", "7"), 1_000).usedUpUntil).toBe(-Infinity);
    expect(told()(limits("0", "7", "soon"), 1_000).usedUpUntil).toBe(1_000);
  });

  it("ends when it says that something is left, and not when it says nothing", () => {
    const hear = told();
    hear(limits("0", "7"));
    expect(hear({}).usedUpUntil).toBe(2_000);
    expect(hear(limits("3", "7")).usedUpUntil).toBe(-Infinity);
  });
});

describe("a target whose limit has nothing left", () => {
  const kind = { provider: { name: "providers/a", kind: "openai", credential: "env:KEY" } };

  function begin(targets: readonly string[]) {
    const route = {
      name: "routes/smart",
      match: { models: ["smart"] },
      targets: targets.map((id, priority) => ({ deployment: `deployments/${id}`, priority })),
    };
    const pipeline = createPipeline(
      sampleSnapshot({ "providers/a": kind, "routes/smart": { route } }),
    );
    pipeline.send();
    const call = pipeline.upstream.last;
    call.headers(200, limits("0", "7"));
    return pipeline;
  }

  it("is asked behind the others from the head of that answer on, until it has some again", () => {
    const { clock, health, upstream, send } = begin(["a-large", "b-large"]);
    send({}, false, "next");
    expect(upstream.last.deployment).toBe("deployments/b-large");
    const [first] = health.list(clock.monotonicMs());
    expect(first?.admission).toMatchObject({ ok: false, reason: "limit_reached" });
    expect(first?.limits?.requests).toMatchObject({ remaining: 0, limit: 60 });
    upstream.last.headers(503);
    upstream.last.call.sink.onEnd();
    clock.advance(100);
    expect(upstream.calls.map(({ deployment }) => deployment)).toContain("deployments/a-large");
    clock.advance(1_900);
    send({}, false, "later");
    expect(upstream.last.deployment).toBe("deployments/a-large");
  });

  describe("as a fallback", () => {
    /** Three targets in a row, of which some have nothing left of a limit when the first fails. */
    function failFirst(used: readonly string[], full: readonly string[] = []) {
      const ids = ["a-large", "b-large", "c-large"];
      const route = {
        name: "routes/smart",
        match: { models: ["smart"] },
        maxAttempts: 3,
        targets: ids.map((id, priority) => ({ deployment: `deployments/${id}`, priority })),
      };
      const provider = (id: string) => ({
        provider: { name: `providers/${id}`, kind: "openai", credential: "env:KEY" },
      });
      const snapshot = sampleSnapshot({
        "providers/b": provider("b"),
        "providers/c": provider("c"),
        "deployments/c-large": {
          deployment: { name: "deployments/c-large", provider: "providers/c", model: "m" },
        },
        "routes/smart": { route },
      });
      const { clock, health, upstream, send } = createPipeline(snapshot);
      const { downstream } = send();
      for (const id of used) {
        const deployment = snapshot.deployments.get(`deployments/${id}`);
        if (deployment === undefined) throw new Error("it is there");
        const now = clock.monotonicMs();
        health.began(deployment, now);
        health.ended(deployment, { class: "OK" }, now);
        const header = limits("0", "7", "60s");
        health.heardHead(deployment, (name) => header[name], now);
      }
      for (const id of full) upstream.full.add(`deployments/${id}`);
      const asked = () => upstream.calls.map(({ deployment }) => deployment.slice(12));
      const fail = (): void => {
        upstream.last.headers(503);
        upstream.last.call.sink.onEnd();
        clock.advance(100);
      };
      fail();
      return { asked, fail, downstream };
    }

    it("is asked when nothing behind it is any better", () => {
      expect(failFirst(["b-large", "c-large"]).asked()).toEqual(["a-large", "b-large"]);
      expect(failFirst(["b-large"], ["c-large"]).asked()).toEqual(["a-large", "b-large"]);
    });

    it("has its turn behind one that is well", () => {
      const { asked, fail } = failFirst(["b-large"]);
      expect(asked()).toEqual(["a-large", "c-large"]);
      fail();
      expect(asked()).toEqual(["a-large", "c-large", "b-large"]);
    });
  });

  it("is asked all the same when there is no other", () => {
    const { upstream, send } = begin(["a-large"]);
    const { downstream } = send({}, false, "next");
    expect(upstream.calls).toHaveLength(2);
    upstream.last.answer({ prompt_tokens: 1, completion_tokens: 1 });
    expect(downstream.heard).toEqual(["answer"]);
  });
});
