import { RequestOutcome } from "@penstock/api";
import { documentedStreams } from "@penstock/formats/testing";
import { describe, expect, it } from "vitest";
import { createPipeline } from "./pipeline.fixture.ts";
import type { FakeCall } from "./pipeline.fixture.ts";
import { sampleSnapshot } from "./sample-snapshot.fixture.ts";

/** A stream whose usage comes behind the proof that it is complete, in frames of their own. */
function framesOf(): Buffer[] {
  const [stream] = documentedStreams["bedrock-converse"];
  const bytes = Buffer.from(stream?.value ?? []);
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt32BE(at)) {
    frames.push(bytes.subarray(at, at + bytes.readUInt32BE(at)));
  }
  return frames;
}

/** Asks for a stream, of which these frames come. */
function ask(frames: readonly Buffer[]) {
  const snapshot = sampleSnapshot();
  for (const deployment of snapshot.deployments.values()) {
    Object.assign(deployment, { format: "bedrock-converse" });
  }
  const pipeline = createPipeline(snapshot);
  const { downstream } = pipeline.send({}, true);
  const call = pipeline.upstream.calls[0] as FakeCall;
  call.headers(200, {}, true);
  for (const frame of frames) call.call.sink.onData(frame);
  return { ...pipeline, downstream, call };
}

describe("an answer that is complete but for its usage", () => {
  const proven = framesOf().slice(0, -1);

  it("is a good one when the connection breaks then", () => {
    const { downstream, call, spool, upstream } = ask(proven);
    const failure = { class: "STREAM_BROKEN", message: "it broke", sentBytes: true } as const;
    call.call.sink.onFailure(failure);
    expect(downstream.heard.at(-1)).toBe("finish");
    expect(spool.finals[0]?.outcome).toBe(RequestOutcome.COMPLETED);
    expect(spool.finals[0]?.usage?.outputTokens ?? 0n).toBeGreaterThan(0n);
    expect(upstream.calls).toHaveLength(1);
  });

  it("is a good one when nothing comes any more, and the provider is let go", () => {
    const { downstream, call, spool, clock, bugs } = ask(proven);
    clock.advance(900_000);
    expect(downstream.heard.at(-1)).toBe("finish");
    expect(call.cancelled).toBe(true);
    expect(spool.finals).toHaveLength(1);
    expect(bugs).toEqual([]);
  });

  it("is none a frame earlier", () => {
    const { downstream, clock } = ask(proven.slice(0, -1));
    clock.advance(900_000);
    expect(downstream.heard.at(-1)).toBe("fail");
  });
});
