import { describe, expect, it, vi } from "vitest";
import type { JsonValue } from "@bufbuild/protobuf";
import { RequestOutcome } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { createPipeline } from "./pipeline.fixture.ts";
import { sampleKey, sampleSnapshot } from "./sample-snapshot.fixture.ts";

/** A limit of tokens, for all or for what the selector names, that lets through when in doubt. */
function tokenLimit(selector?: JsonValue): Record<string, JsonValue> {
  const limit = {
    name: "limits/tokens",
    scope: { all: true },
    tokensPerMinute: "1000000",
    onUnavailable: "UNAVAILABLE_MODE_ALLOW",
    ...(selector === undefined ? {} : { selector }),
  };
  return { "limits/tokens": { limit } };
}

const onTarget = tokenLimit({ deployment: "deployments/a-large" });

describe("a request", () => {
  it.each([tokenLimit(), onTarget])(
    "believes no provider that reports more tokens than there can be, and says so",
    (limits) => {
      const pipeline = createPipeline(sampleSnapshot(limits));
      const { downstream } = pipeline.send();
      pipeline.clock.advance(150);
      const most = Number.MAX_SAFE_INTEGER;
      pipeline.upstream.last.answer({ prompt_tokens: most, completion_tokens: most });
      expect(downstream.heard).toEqual(["answer"]);
      expect(pipeline.bugs).toEqual([]);
      expect(pipeline.admission.open).toBe(0);
      // By its 100 bytes and the answer's two.
      expect(pipeline.spool.finals[0]?.charges[0]?.settled).toBe(29n);
      expect(pipeline.spool.finals[0]?.estimated).toBe(true);
      expect(downstream.end?.warnings[0]).toMatch(/^usage_refused: /);
    },
  );

  it("ends, and the process goes on, when a timer leads into a mistake of ours", () => {
    const pipeline = createPipeline();
    const { downstream } = pipeline.send({}, true);
    pipeline.upstream.mistake = new Error("planted");
    pipeline.clock.advance(60_000);
    expect(downstream.heard).toEqual(["fail"]);
    expect(downstream.error?.reason).toBe("INTERNAL");
    expect(pipeline.bugs).toHaveLength(1);
    expect(pipeline.admission.open).toBe(0);
    expect(pipeline.spool.finals).toHaveLength(1);
  });

  it("ends when the wait for quota leads into a mistake of ours", () => {
    const pipeline = createPipeline(sampleSnapshot(onTarget));
    pipeline.upstream.mistake = new Error("planted");
    const { downstream } = pipeline.send();
    pipeline.clock.advance(150);
    expect(downstream.error?.reason).toBe("INTERNAL");
    expect(pipeline.admission.open).toBe(0);
    expect(pipeline.health.list(pipeline.clock.monotonicMs())[0]?.inFlight).toBe(0);
    pipeline.clock.advance(900_000);
    expect(pipeline.upstream.calls).toHaveLength(0);
  });

  it("asks nobody after its end when quota can't be asked for by a mistake of ours", () => {
    const pipeline = createPipeline(sampleSnapshot(onTarget));
    pipeline.leases.onNeed = () => {
      throw new Error("planted");
    };
    const { downstream } = pipeline.send();
    expect(downstream.error?.reason).toBe("INTERNAL");
    pipeline.clock.advance(900_000);
    expect(pipeline.upstream.calls).toHaveLength(0);
    expect(downstream.heard).toEqual(["fail"]);
    expect(pipeline.bugs).toHaveLength(1);
    expect(pipeline.admission.open).toBe(0);
    expect(pipeline.spool.finals).toHaveLength(1);
  });

  it("asks nobody after its end though the wait for quota can't be ended either", () => {
    const pipeline = createPipeline(sampleSnapshot(onTarget));
    const planted = (): never => {
      throw new Error("planted");
    };
    pipeline.leases.onNeed = planted;
    pipeline.leases.stopWaiting = planted;
    const voided = vi.spyOn(pipeline.leases, "void");
    const { downstream } = pipeline.send();
    pipeline.clock.advance(900_000);
    expect(downstream.heard).toEqual(["fail"]);
    expect(pipeline.bugs).toHaveLength(2);
    expect(pipeline.upstream.calls).toHaveLength(0);
    expect(voided).toHaveBeenCalledOnce();
  });

  it("holds nothing on a target whose attempt could not be made by a mistake of ours", () => {
    const pipeline = createPipeline(sampleSnapshot(onTarget));
    const voided = vi.spyOn(pipeline.leases, "void");
    const { downstream } = pipeline.send();
    const planted = vi.spyOn(pipeline.parts.tracer, "newSpanId").mockImplementationOnce(() => {
      throw new Error("planted");
    });
    pipeline.clock.advance(150);
    expect(planted).toHaveBeenCalled();
    expect(downstream.error?.reason).toBe("INTERNAL");
    expect(pipeline.upstream.calls).toHaveLength(0);
    expect(voided).toHaveBeenCalledOnce();
    expect(pipeline.admission.open).toBe(0);
  });

  it("makes no further attempt when the first one could not be sent by a mistake of ours", () => {
    const pipeline = createPipeline();
    pipeline.upstream.mistake = new Error("planted");
    const { downstream } = pipeline.send({}, true);
    expect(downstream.error?.reason).toBe("INTERNAL");
    pipeline.clock.advance(900_000);
    expect(pipeline.upstream.calls).toHaveLength(0);
    expect(pipeline.spool.finals).toHaveLength(1);
  });

  it("gives its place back when its answer can't be written by a mistake of ours", () => {
    const pipeline = createPipeline();
    const { downstream } = pipeline.send();
    downstream.mistake = new Error("planted");
    pipeline.upstream.last.answer({ prompt_tokens: 1, completion_tokens: 1 });
    expect(downstream.heard).toEqual(["answer", "fail"]);
    expect(pipeline.bugs).toHaveLength(1);
    expect(pipeline.admission.open).toBe(0);
  });
});

describe("an error answer that is cut", () => {
  it("is judged by its status and its headers", () => {
    const pipeline = createPipeline();
    pipeline.send();
    const [call] = pipeline.upstream.calls;
    call?.headers(429, { "retry-after": "7" });
    call?.data('{"error":{"mess');
    call?.call.sink.onFailure({ class: "STREAM_BROKEN", message: "cut", sentBytes: true });
    expect(pipeline.upstream.last.deployment).toBe("deployments/b-large");
    pipeline.upstream.last.answer({ prompt_tokens: 1, completion_tokens: 1 });
    const first = pipeline.spool.finals[0]?.attempts[0];
    expect(first?.outcome).toBe("RATE_LIMITED");
    expect(first?.retryAfter?.seconds).toBe(7n);
  });

  it("is waited for only a moment when its body hangs", () => {
    const pipeline = createPipeline();
    pipeline.send({}, true);
    pipeline.upstream.last.headers(503);
    pipeline.upstream.last.data("{");
    pipeline.clock.advance(2_000);
    expect(pipeline.upstream.calls[0]?.cancelled).toBe(true);
    pipeline.clock.advance(100);
    expect(pipeline.upstream.calls.length).toBeGreaterThan(1);
    expect(pipeline.upstream.calls[0]?.deployment).toBe("deployments/a-large");
  });
});

describe("a stream whose caller reads slowly", () => {
  it("waits for one drain, however much was on its way", () => {
    const pipeline = createPipeline();
    const { downstream } = pipeline.send({}, true);
    const call = pipeline.upstream.last;
    call.headers(200, {}, true);
    downstream.ready = false;
    call.content("one");
    call.content("two");
    call.content("three");
    expect(call.paused).toBe(true);
    expect(downstream.drainListeners).toHaveLength(1);
    downstream.ready = true;
    downstream.drainListeners[0]?.();
    expect(call.paused).toBe(false);
    downstream.ready = false;
    call.content("four");
    expect(downstream.drainListeners).toHaveLength(2);
  });

  it("is given up after 60 s, also when the progress timer is longer", () => {
    const slow = {
      "routes/smart": {
        route: {
          name: "routes/smart",
          match: { models: ["smart"] },
          targets: [{ deployment: "deployments/a-large" }],
          timeouts: { progress: "300s" },
        },
      },
    };
    const pipeline = createPipeline(sampleSnapshot(slow));
    const { downstream } = pipeline.send({}, true);
    const call = pipeline.upstream.last;
    call.headers(200, {}, true);
    call.content("one");
    downstream.ready = false;
    call.content("two");
    pipeline.clock.advance(60_000);
    expect(call.cancelled).toBe(true);
    expect(downstream.error?.reason).toBe("STREAM_INTERRUPTED");
  });
});

describe("what a running stream writes down", () => {
  it("has the charges to the quotas of its target", () => {
    const pipeline = createPipeline(sampleSnapshot(onTarget));
    pipeline.send({}, true);
    pipeline.clock.advance(150);
    const call = pipeline.upstream.last;
    call.headers(200, {}, true);
    call.content("one");
    const [progress] = pipeline.spool.progresses;
    expect(progress?.charges.map(({ quota }) => quota)).toEqual(["limits/tokens"]);
    expect(progress?.charges[0]?.settled).toBeGreaterThan(0n);
  });
});

describe("a request while the spool takes no intents", () => {
  const fillUp = (changes: Record<string, JsonValue> = {}) => {
    const pipeline = createPipeline(sampleSnapshot(changes));
    const running = pipeline.send({}, false, "running");
    pipeline.spool.takesIntents = false;
    return { ...pipeline, running };
  };

  it("is refused without a record, and without a number", () => {
    const { spool, send, unrecorded, admission, upstream, running } = fillUp();
    const { downstream } = send({}, false, "new");
    expect(downstream.error?.reason).toBe("METERING_UNAVAILABLE");
    expect(send({ model: "unknown" }, false, "other").downstream.error?.reason).toBe(
      "MODEL_NOT_FOUND",
    );
    expect(spool.finals).toEqual([]);
    expect(spool.nextSequence()).toBe(1n);
    expect(unrecorded).toEqual(["spool", "spool"]);
    upstream.last.answer({ prompt_tokens: 1, completion_tokens: 1 });
    expect(running.downstream.heard).toEqual(["answer"]);
    expect(spool.finals).toMatchObject([{ requestId: "running", sequence: 1n }]);
    expect(admission.open).toBe(0);
  });

  it("is served without a record when its key allows that, and recorded if there is room again", () => {
    const [hash] = [...sampleSnapshot().credentials.values()].map(({ sha256 }) => sha256);
    const virtualKey = {
      name: "projects/p/virtualKeys/k",
      meteringFailure: "METERING_FAILURE_MODE_ALLOW_UNMETERED",
      credentials: [
        { id: sampleKey.slice(4, 16), sha256: Buffer.from(hash ?? []).toString("base64") },
      ],
    };
    const { spool, send, unrecorded, upstream } = fillUp({
      "projects/p/virtualKeys/k": { virtualKey },
    });
    const usage = { prompt_tokens: 1, completion_tokens: 1 };
    const first = send({}, false, "first");
    upstream.last.answer(usage);
    expect(first.downstream.heard).toEqual(["answer"]);
    expect(unrecorded).toEqual(["spool"]);
    expect(spool.finals).toEqual([]);
    send({}, false, "second");
    spool.takesIntents = true;
    upstream.last.answer(usage);
    expect(spool.finals).toMatchObject([{ requestId: "second", sequence: 1n }]);
  });
});

describe("a request that is open when the router ends", () => {
  it.each([true, false])(
    "is told so and recorded as interrupted by us (answering: %s)",
    (begun) => {
      const pipeline = createPipeline();
      const { downstream } = pipeline.send({}, true);
      pipeline.upstream.last.headers(200, {}, true);
      if (begun) pipeline.upstream.last.content("one");
      pipeline.admission.interruptAll(new GatewayError("DRAINING", "The end."));
      expect(pipeline.upstream.last.cancelled).toBe(true);
      expect(downstream.heard.at(-1)).toBe("fail");
      expect(downstream.error?.reason).toBe("DRAINING");
      expect(pipeline.admission.open).toBe(0);
      expect(pipeline.spool.finals[0]?.outcome).toBe(RequestOutcome.FAILED);
      expect(pipeline.spool.finals[0]?.usage?.inputTokens).toBeGreaterThan(0n);
    },
  );

  it("does not begin when its intent is written only after that", () => {
    const pipeline = createPipeline();
    pipeline.spool.held = [];
    const { downstream } = pipeline.send();
    pipeline.admission.interruptAll(new GatewayError("DRAINING", "The end."));
    for (const intent of pipeline.spool.held) intent.onSpooled(undefined);
    expect(downstream.heard).toEqual(["fail"]);
    expect(pipeline.upstream.calls).toHaveLength(0);
    expect(pipeline.spool.finals).toHaveLength(1);
  });
});
