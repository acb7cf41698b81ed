import { RequestOutcome } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { describe, expect, it, vi } from "vitest";
import { createPipeline } from "./pipeline.fixture.ts";
import { sampleSnapshot } from "./sample-snapshot.fixture.ts";

const planted = (): never => {
  throw new Error("planted");
};

const onTarget = {
  "limits/target": {
    limit: {
      name: "limits/target",
      scope: { all: true },
      selector: { deployment: "deployments/a-large" },
      requestsPerMinute: "50",
      onUnavailable: "UNAVAILABLE_MODE_ALLOW",
    },
  },
};

/** A stream under way whose end can't be written down by a mistake of ours. */
function begun() {
  const pipeline = createPipeline(sampleSnapshot(onTarget));
  const sent = pipeline.send({}, true);
  pipeline.clock.advance(500);
  const { last } = pipeline.upstream;
  last.headers(200, {}, true);
  last.content("x");
  return { ...sent, pipeline, last };
}

describe("an attempt whose use can't be found out by a mistake of ours", () => {
  it("holds nothing any more, and stands in the record", () => {
    const { pipeline, last, downstream } = begun();
    pipeline.parts.calibration.learn = planted;
    const voided = vi.spyOn(pipeline.leases, "void");
    last.data(
      'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n' +
        'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n' +
        "data: [DONE]\n\n",
    );
    expect(downstream.error?.reason).toBe("INTERNAL");
    expect(pipeline.bugs).toHaveLength(1);
    expect(pipeline.health.inFlight(last.call.target.deployment)).toBe(0);
    expect(voided).toHaveBeenCalledOnce();
    const [record] = pipeline.spool.finals;
    expect(record).toMatchObject({ outcome: RequestOutcome.FAILED, attempts: [{ outcome: "OK" }] });
    expect(record?.attempts[0]?.usage).toBeUndefined();
  });

  it("ends with its caller", () => {
    const { pipeline, last, handler } = begun();
    pipeline.parts.calibration.estimateStream = planted;
    handler.cancel();
    expect(last.cancelled).toBe(true);
    expect(pipeline.bugs).toHaveLength(1);
    expect(pipeline.admission.open).toBe(0);
    expect(pipeline.health.inFlight(last.call.target.deployment)).toBe(0);
    expect(pipeline.spool.finals).toMatchObject([{ outcome: RequestOutcome.CANCELLED }]);
  });

  it("keeps no other request from being told that the router ends", () => {
    const { pipeline, downstream } = begun();
    const other = pipeline.send({}, true, "other");
    vi.spyOn(pipeline.parts.calibration, "estimateStream").mockImplementationOnce(planted);
    pipeline.admission.interruptAll(new GatewayError("DRAINING", "This router ends."));
    expect(downstream.error?.reason).toBe("DRAINING");
    expect(other.downstream.error?.reason).toBe("DRAINING");
    expect(pipeline.admission.open).toBe(0);
  });
});

describe("times of an attempt", () => {
  it("go to the end of a whole answer, not to its last piece", () => {
    const { send, upstream, clock, spool } = createPipeline();
    send();
    clock.advance(10);
    upstream.last.headers(200);
    upstream.last.data(
      JSON.stringify({
        choices: [{ index: 0, message: { content: "hi" }, finish_reason: "stop" }],
      }),
    );
    clock.advance(20_000);
    upstream.last.call.sink.onEnd();
    expect(spool.finals[0]?.attempts[0]?.duration).toMatchObject({
      seconds: 20n,
      nanos: 10_000_000,
    });
  });

  it("begin after its record was written: who may be asked by then is asked", () => {
    const { send, upstream, clock, spool } = createPipeline();
    send();
    for (let at = 0; at < 2; at += 1) {
      upstream.last.headers(429, { "retry-after": "2" });
      upstream.last.data('{"error":{"message":"slow","type":"rate_limit"}}');
      upstream.last.call.sink.onEnd();
      clock.advance(0);
    }
    spool.held = [];
    const { downstream } = send();
    clock.advance(2_500);
    const before = upstream.calls.length;
    spool.held[0]?.onSpooled(undefined);
    expect(downstream.heard).toEqual([]);
    expect(upstream.calls).toHaveLength(before + 1);
  });
});
