import { FinishReason } from "@penstock/api";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { Format } from "../format.ts";
import { formats } from "../formats.ts";
import { mutated, mutations, splitBy } from "./changed-bytes.fixture.ts";
import { documentedStreams } from "./documented-streams.fixture.ts";
import {
  bytesOf,
  cutsOf,
  relayAs,
  usage,
  writtenStreams,
  writtenText,
} from "./format-samples.fixture.ts";
import { contentOf, endsOf, readStream } from "./read-outcome.fixture.ts";
import type { Outcome } from "./read-outcome.fixture.ts";

// What goes to a caller of the same format as it came must mean what was read of it.

const relay = relayAs("asked “name”");
const relaying = Object.values(formats).filter(({ relaysStreams }) => relaysStreams === true);

describe.each(relaying)("$name", (format) => {
  const streams = [...documentedStreams[format.name], ...writtenStreams(format)];

  it("does not parse a piece that is like one before it", () => {
    const pieces = Array.from({ length: 200 }, (_, number) => `piece “${number}”\n`);
    const bytes = writtenText(format, pieces);
    const parse = vi.spyOn(JSON, "parse");
    const outcome = relayed(format, splitBy(bytes, [4_096]));
    // What is split between two reads is; an escape in a piece is parsed for itself.
    const events = parse.mock.calls.filter(([text]) => text.startsWith("{"));
    parse.mockRestore();
    expect(saidBy(outcome)).toBe(pieces.join(""));
    expect(events.length).toBeLessThan(20 + bytes.length / 4_096);
  });

  describe.each(streams)("a stream, $name, passed on,", ({ value: bytes }) => {
    it("is read like one that is not, and says the same under the caller's name", () => {
      const { relayed: before } = checkRelayed(format, bytes);
      // What says that the answer is complete waits until it is settled.
      expect(readStream(format, [bytesOf([before])]).end).toBeUndefined();
    });

    it("says no more than what it says as a whole, wherever it is cut", () => {
      const whole = textOf(relayed(format, [bytes]));
      for (const length of cutsOf(bytes, 100)) {
        const prefix = relayed(format, [bytes.subarray(0, length)]);
        expect(endsOf(prefix), `${length} bytes`).toEqual({ ends: 1, late: 0 });
        expect(whole.startsWith(prefix.relayed), `${length} bytes`).toBe(true);
        // Until there is content, another target may answer.
        if (prefix.events.length === 0) expect(prefix.relayed).toBe("");
      }
    });

    it("is the same text, however it is split", () => {
      const whole = relayed(format, [bytes]);
      const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 });
      fc.assert(
        fc.property(sizes, (chosen) => {
          const split = relayed(format, splitBy(bytes, chosen));
          expect(textOf(split)).toBe(textOf(whole));
          expect(split.events).toEqual(whole.events);
          expect(split.end).toEqual(whole.end);
        }),
        { numRuns: 15 },
      );
    });

    it("means what was read of it, whatever became of its bytes", () => {
      fc.assert(
        fc.property(mutations(bytes.length), fc.integer({ min: 1, max: 400 }), (changes, size) => {
          const broken = mutated(bytes, changes);
          const whole = checkRelayed(format, broken);
          expect(textOf(relayed(format, splitBy(broken, [size])))).toBe(textOf(whole));
        }),
        { numRuns: 30 },
      );
    });
  });
});

function relayed(format: Format, chunks: Iterable<Uint8Array>): Outcome {
  return readStream(format, chunks, undefined, relay);
}

function textOf({ relayed: text, end }: Outcome): string {
  return text + (end?.relayed?.write(usage) ?? "");
}

function checkRelayed(format: Format, bytes: Uint8Array): Outcome {
  const plain = readStream(format, [bytes]);
  const outcome = relayed(format, [bytes]);
  expect(outcome.events).toEqual(plain.events);
  expect(outcome.error).toEqual(plain.error);
  const { relayed: last, ...end } = outcome.end ?? {};
  expect({ ...end }).toEqual({ ...plain.end });
  const again = readStream(format, [bytesOf([textOf(outcome)])]);
  if (outcome.end === undefined) {
    expect(last).toBeUndefined();
    expect(saidBy(plain).startsWith(saidBy(again))).toBe(true);
    return outcome;
  }
  expect(heard(again)).toEqual(heard(plain));
  if (plain.end?.model !== "") expect(again.end?.model).toBe(relay.model);
  if (outcome.end.usage !== undefined) expect(again.end?.usage).toEqual(outcome.end.usage);
  return outcome;
}

/** What a caller gets of an answer; a reason that no caller knows becomes one that they do. */
function heard({ events, end }: Outcome): unknown {
  const candidates = end?.candidates.map((finish) =>
    finish.reason === FinishReason.OTHER ? { ...finish, reason: FinishReason.STOP } : finish,
  );
  return contentOf({ events, end: end && { ...end, candidates: candidates ?? [] } });
}

/** Everything that a stream says, in its order. */
function saidBy({ events }: Outcome): string {
  return events
    .map(({ case: kind, value }) => (kind === "blockDelta" ? String(value.delta.value) : ""))
    .join("");
}
