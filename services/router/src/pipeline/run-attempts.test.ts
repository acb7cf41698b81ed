import { RequestOutcome } from "@penstock/api";
import type { UsageEvent } from "@penstock/api";
import { formats } from "@penstock/formats";
import { documentedStreams } from "@penstock/formats/testing";
import type { Snapshot } from "@penstock/snapshot";
import { describe, expect, it } from "vitest";
import { createPipeline } from "./pipeline.fixture.ts";
import { sampleSnapshot } from "./sample-snapshot.fixture.ts";

// A provider's stream that ends anywhere: the caller gets an error or the whole answer, never a
// part as if it were all, and what was used is written down once.

interface Heard {
  readonly events: readonly string[];
  readonly end: "finish" | "fail";
  readonly final: UsageEvent | undefined;
  readonly finals: number;
  readonly bugs: readonly unknown[];
}

/** What a caller hears when every provider sends these bytes and then ends. */
function ask(snapshot: Snapshot, bytes: Uint8Array): Heard {
  const { clock, upstream, spool, bugs, send } = createPipeline(snapshot);
  const { downstream } = send({}, true);
  for (let at = 0; at < upstream.calls.length; at += 1) {
    const call = upstream.calls[at];
    call?.headers(200, {}, true);
    call?.call.sink.onData(Buffer.from(bytes));
    call?.call.sink.onEnd();
    // A retry waits a moment.
    clock.advance(1_000);
  }
  const ends = downstream.heard.filter((word) => word === "finish" || word === "fail");
  expect(ends).toHaveLength(1);
  expect(downstream.heard.at(-1)).toBe(ends[0]);
  return {
    events: downstream.heard.filter((word) => word !== "flush" && word !== ends[0]),
    end: ends[0] === "finish" ? "finish" : "fail",
    final: spool.finals[0],
    finals: spool.finals.length,
    bugs,
  };
}

/** Some lengths between, and every one of the last bytes, which decide what is complete. */
function cutsOf({ length }: Uint8Array): number[] {
  const step = Math.max(1, Math.floor(length / 25));
  const between = Array.from({ length: 25 }, (_, at) => at * step);
  const last = Array.from({ length: 20 }, (_, at) => length - 20 + at);
  return [...between, ...last].filter((at) => at >= 0 && at < length);
}

describe.each(Object.values(formats))("$name", (format) => {
  const snapshot = sampleSnapshot();
  for (const deployment of snapshot.deployments.values()) {
    Object.assign(deployment, { format: format.name });
  }

  it.each(documentedStreams[format.name])("$name", ({ value: bytes }) => {
    const whole = ask(snapshot, bytes);
    for (const length of cutsOf(bytes)) {
      const { events, end, final, finals, bugs } = ask(snapshot, bytes.subarray(0, length));
      expect(bugs).toEqual([]);
      expect(finals, `${length} bytes`).toBe(1);
      const completed = final?.outcome === RequestOutcome.COMPLETED;
      expect(completed).toBe(end === "finish");
      if (completed) {
        expect(whole.end, `${length} bytes`).toBe("finish");
        expect(events).toEqual(whole.events);
      }
      const begun = events.includes("start");
      expect(final?.attempts.some(({ committed }) => committed)).toBe(begun);
      // Content that a caller has is charged.
      if (events.includes("blockDelta"))
        expect(final?.usage?.outputTokens ?? 0n).toBeGreaterThan(0n);
    }
  });
});
