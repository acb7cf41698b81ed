import { GatewayError } from "@penstock/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkEventGrammar } from "../event-grammar.ts";
import type { Format } from "../format.ts";
import { formats } from "../formats.ts";
import { documentedStreams } from "./documented-streams.fixture.ts";
import {
  answers,
  bytesOf,
  cutsOf,
  requests,
  targetOf,
  writtenAnswer,
  writtenStreams,
} from "./format-samples.fixture.ts";
import { mutated, mutations, splitBy } from "./changed-bytes.fixture.ts";
import { contentOf, endsOf, noting, readStream } from "./read-outcome.fixture.ts";

/** For formats whose paths say what the bodies of others say. */
const address = { model: "asked-model", stream: false };

const once = { ends: 1, late: 0 };

// What every wire format must keep to. A format is under test as soon as it is in the registry.

describe.each(Object.values(formats))("$name", (format) => {
  const streams = [...documentedStreams[format.name], ...writtenStreams(format)];

  describe.each(streams)("a stream, $name,", ({ value: bytes }) => {
    it("is an error or the same answer, wherever it is cut, and ends once", () => {
      const whole = readStream(format, [bytes]);
      expect(endsOf(whole)).toEqual(once);
      // Every byte of the long ones is for the test that takes its time.
      for (const length of cutsOf(bytes, 300)) {
        const prefix = readStream(format, [bytes.subarray(0, length)]);
        expect(endsOf(prefix), `${length} bytes`).toEqual(once);
        expect(checkEventGrammar(prefix.events)).toEqual([]);
        // A stream that fails as a whole may not succeed in part.
        if (prefix.end !== undefined) expect(contentOf(prefix)).toEqual(contentOf(whole));
        else expect(prefix.error?.metadata["failure_class"]).toBeTruthy();
        // What is proven to be complete is so although its connection breaks.
        if (prefix.proven) expect(prefix.end).toBeDefined();
      }
    });

    it("is the same, however it is split", () => {
      const whole = readStream(format, [bytes]);
      const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });
      fc.assert(
        fc.property(sizes, (chosen) => {
          const split = readStream(format, splitBy(bytes, chosen));
          expect(split.events).toEqual(whole.events);
          expect(split.end).toEqual(whole.end);
          expect(split.error?.metadata).toEqual(whole.error?.metadata);
        }),
        { numRuns: 30 },
      );
    });

    it("is flushed once for each read that brings something, and before its end", () => {
      const { outcome, reader } = noting(format);
      for (const piece of splitBy(bytes, [50])) {
        const before = outcome.calls.length;
        reader.push(piece);
        const calls = outcome.calls.slice(before);
        const told = calls.filter((call) => call === "event").length;
        const ends = calls.filter((call) => call === "finish" || call === "fail").length;
        const flushes = told > 0 ? [...Array(told).fill("event"), "flush"] : [];
        expect(calls.slice(0, calls.length - ends)).toEqual(flushes);
      }
      reader.end();
      reader.push(bytes);
      reader.end();
      reader.abort(outcome.error ?? new GatewayError("INTERNAL", "late"));
      expect(endsOf(outcome)).toEqual(once);
    });

    it("is read without a throw, whatever became of its bytes", () => {
      fc.assert(
        fc.property(mutations(bytes.length), (changes) => {
          const outcome = readStream(format, [mutated(bytes, changes)]);
          expect(endsOf(outcome)).toEqual(once);
          expect(checkEventGrammar(outcome.events)).toEqual([]);
        }),
        { numRuns: 50 },
      );
    });
  });

  it("gives up a stream that would need more room than it may take", () => {
    const written = new Map(writtenStreams(format).map(({ name, value }) => [name, value]));
    const calls = written.get("written: tool calls") ?? new Uint8Array();
    for (const limits of [{ maxLineBytes: 20 }, { maxBlocks: 1 }, { maxArgumentsLength: 10 }]) {
      const { end, error } = readStream(format, [calls], limits);
      expect(end, JSON.stringify(limits)).toBeUndefined();
      expect(error?.metadata["failure_class"]).toBe("MALFORMED");
    }
    expect(readStream(format, [calls]).end).toBeDefined();
  });

  it("keeps no more than a line of what has no end", () => {
    const noise = bytesOf(["x".repeat(65_536)]);
    let pushes = 0;
    let failure: GatewayError | undefined;
    const silent = { event: ignore, flush: ignore, finish: ignore };
    const reader = format.createStreamReader({ ...silent, fail: (error) => (failure = error) });
    for (; pushes < 100 && failure === undefined; pushes += 1) reader.push(noise);
    expect(failure?.metadata["failure_class"]).toBe("MALFORMED");
    // A line may have 1 MiB, and 4 MiB where the last one repeats the whole answer.
    expect(pushes).toBeLessThanOrEqual(format.name === "openai-responses" ? 65 : 17);
  });

  describe.each(answers)("a whole answer, $name,", ({ value: answer }) => {
    it("is read as it was written, and no prefix of it is", () => {
      const bytes = writtenAnswer(format, answer);
      const read = format.readResponse(bytes);
      expect(read.candidates.map(({ parts }) => parts.map(textOf))).toEqual(
        answer.candidates.map(({ parts }) => parts.map(textOf)),
      );
      expect(read.end.usage).toMatchObject({ inputTokens: 19n, outputTokens: 10n });
      for (let length = 0; length < bytes.length; length += 1) {
        expect(() => format.readResponse(bytes.subarray(0, length))).toThrow(GatewayError);
      }
    });

    it("is refused or read, whatever became of its bytes", () => {
      const bytes = writtenAnswer(format, answer);
      throwsOnlyItsOwn(bytes, (body) => format.readResponse(body));
      throwsOnlyItsOwn(bytes, (body) => format.relayResponse(latin1(body), body));
      throwsOnlyItsOwn(bytes, (body) => format.readError(500, () => undefined, body));
    });
  });

  describe.each(requests)("a request, $name,", ({ value: request }) => {
    it("is read as it was written", () => {
      const body = bytesOf([format.writeRequest(request, targetOf(false))]);
      const once = format.readRequest(body, address).request;
      const again = bytesOf([format.writeRequest(once, targetOf(false))]);
      expect(format.readRequest(again, address).request).toEqual(once);
      expect(once.messages.flatMap(({ parts }) => parts.map(textOf))).toEqual(
        request.messages.flatMap(({ parts }) => parts.map(textOf)),
      );
    });

    it("keeps fields that are not known", () => {
      const body = format.writeRequest(request, targetOf(false));
      const unknown = { deep: [1, { x: "ü" }], flag: true };
      const fields = { ...(JSON.parse(body) as object), x_new_field: unknown };
      const read = format.readRequest(bytesOf([JSON.stringify(fields)]), address).request;
      const written = JSON.parse(format.writeRequest(read, targetOf(false))) as object;
      expect(written).toMatchObject({ x_new_field: unknown });
    });

    it("is refused or read, whatever became of its bytes", () => {
      const bytes = bytesOf([format.writeRequest(request, targetOf(false))]);
      throwsOnlyItsOwn(bytes, (body) => format.readRequest(body, address));
    });
  });
});

function ignore(): void {}

function throwsOnlyItsOwn(bytes: Uint8Array, read: (bytes: Uint8Array) => unknown): void {
  fc.assert(
    fc.property(mutations(bytes.length), (changes) => {
      try {
        read(mutated(bytes, changes));
      } catch (error) {
        expect(error).toBeInstanceOf(GatewayError);
      }
    }),
    { numRuns: 100 },
  );
}

function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** The text of a part, for a comparison that leaves out what formats put beside it. */
function textOf({
  part,
}: ReturnType<Format["readResponse"]>["candidates"][number]["parts"][number]) {
  switch (part.case) {
    case "text":
    case "reasoning":
      return [part.case, part.value.text];
    case "toolCall":
      return [part.case, part.value.name, JSON.parse(part.value.argumentsJson)];
    case "media":
      return [part.case, part.value.mediaType];
    default:
      return [part.case];
  }
}
