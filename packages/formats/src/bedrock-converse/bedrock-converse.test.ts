import { FinishReason, UsageSource, type ContentPart } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  counts,
  encode,
  nameOf,
  readStream,
  type Outcome,
} from "../conformance/read-outcome.fixture.ts";
import { checkEventGrammar } from "../event-grammar.ts";
import type { StreamEvent, StreamLimits } from "../format.ts";
import answerFixtures from "./__fixtures__/answers.json" with { type: "json" };
import streamFixtures from "./__fixtures__/streams.json" with { type: "json" };
import { bedrockConverse } from "./bedrock-converse.ts";
import { bytesOf, describeEvent, framesOf, type FixtureFrame } from "./converse-stream.fixture.ts";
import { writeFrame } from "./event-frames.ts";

interface StreamFixture {
  name: string;
  stream: FixtureFrame[];
  events: string[];
  finish?: string[];
  usage?: unknown;
  fails?: string[];
}

const { answers } = answerFixtures;
const streams = streamFixtures.streams as unknown as StreamFixture[];
const read = (pieces: Uint8Array[], limits?: StreamLimits): Outcome =>
  readStream(bedrockConverse, pieces, limits);
const identity = { requestId: "r", responseId: "", model: "m", createdSeconds: 1 };
const noUsage = {
  $typeName: "penstock.type.v1.TokenUsage",
  source: UsageSource.ESTIMATED,
} as const;

function describePart({ part }: ContentPart): unknown[] {
  switch (part.case) {
    case "text":
      return ["text", part.value.text];
    case "reasoning":
      return ["reasoning", part.value.text, part.value.signature, part.value.redacted];
    case "toolCall":
      return ["toolCall", part.value.id, part.value.name, part.value.argumentsJson];
    case "citation":
      return ["citation", part.value.uri, part.value.title, part.value.quotedText];
    case "media": {
      const { source, mediaType } = part.value;
      return ["media", mediaType, source.case === "data" ? source.value.toBase64() : undefined];
    }
    case "formatPart":
      return ["formatPart", part.value.format, part.value.content];
    default:
      return [part.case];
  }
}

describe("answers", () => {
  it.each(answers)("$name", ({ body, parts, finish, usage }) => {
    const answer = bedrockConverse.readResponse(encode(JSON.stringify(body)));
    const candidate = answer.candidates[0]!;
    expect(candidate.parts.map(describePart)).toEqual(parts);
    const reason = nameOf(FinishReason, candidate.finish.reason);
    expect([reason, candidate.finish.rawReason]).toEqual(finish);
    expect(counts(answer.end.usage)).toEqual(usage);
    if (answer.end.usage === undefined) {
      expect(answer.end.warnings).toEqual(["usage_refused: inputTokens"]);
      return;
    }
    // Written for a caller and read again it is the same answer.
    const text = bedrockConverse.writeResponse(answer, identity, answer.end.usage);
    const again = bedrockConverse.readResponse(encode(text));
    expect(again.candidates[0]!.parts).toEqual(candidate.parts);
    expect(again.end.usage).toEqual(answer.end.usage);
    expect(again.end.serviceTier).toBe(answer.end.serviceTier);
    expect(again.candidates[0]!.finish.reason).toBe(candidate.finish.reason);
  });

  it.each([
    "",
    "x",
    "[]",
    "{}",
    `{"output":{"message":{}},"stopReason":"end_turn"}`,
    `{"output":{"message":{"content":[]}}}`,
    `{"output":{"message":{"content":[1]}},"stopReason":"end_turn"}`,
    `{"output":{"message":{"content":[{"toolUse":{}}]}},"stopReason":"tool_use"}`,
  ])("refuses %j as malformed", (text) => {
    expect(() => bedrockConverse.readResponse(encode(text))).toThrow(
      expect.objectContaining({ reason: "UPSTREAM_MALFORMED" }),
    );
  });

  it("takes an answer that the model could not write for a failure", () => {
    const body = { output: { message: { content: [] } }, stopReason: "malformed_model_output" };
    expect(() => bedrockConverse.readResponse(encode(JSON.stringify(body)))).toThrow(
      expect.objectContaining({ reason: "UPSTREAM_FAILED" }),
    );
  });
});

describe("streams", () => {
  it.each(streams)("$name", ({ stream, events, finish, usage, fails }) => {
    const outcome = read([framesOf(stream)]);
    expect(outcome.events.map(describeEvent)).toEqual(events);
    expect(checkEventGrammar(outcome.events)).toEqual([]);
    if (fails !== undefined) {
      const { reason, metadata } = outcome.error!;
      expect([reason, metadata["failure_class"]]).toEqual(fails);
      expect(outcome.end).toBeUndefined();
      return;
    }
    expect(outcome.error).toBeUndefined();
    const [end] = outcome.end!.candidates;
    expect([nameOf(FinishReason, end!.reason), end!.rawReason]).toEqual(finish);
    expect(counts(outcome.end!.usage)).toEqual(usage);
  });

  it.each(streams)("$name, at every prefix an error or a whole answer", ({ stream }) => {
    const bytes = framesOf(stream);
    const stops = stream.findIndex(({ event }) => event === "messageStop");
    const proof = stops < 0 ? Infinity : framesOf(stream.slice(0, stops + 1)).length;
    for (let length = 0; length < bytes.length; length++) {
      const prefix = read([bytes.subarray(0, length)]);
      expect((prefix.end === undefined) !== (prefix.error === undefined)).toBe(true);
      // Never a success before the proof, and never without the content before it.
      if (prefix.end !== undefined) {
        expect(length).toBeGreaterThanOrEqual(proof);
        expect(checkEventGrammar([...prefix.events, finished])).toEqual([]);
      } else expect(checkEventGrammar(prefix.events)).toEqual([]);
    }
  });

  it.each(streams.filter((one) => one.fails === undefined))(
    "$name, written and read again, is the same",
    ({ stream }) => {
      const first = read([framesOf(stream)]);
      const writer = bedrockConverse.createStreamWriter(identity, { includeUsage: true });
      const usage = first.end!.usage;
      const text =
        first.events.map((event) => writer.event(event)).join("") +
        writer.finish(first.end!, usage ?? noUsage);
      expect(/^[\u0000-\u00ff]*$/.test(text)).toBe(true);
      const second = read([bytesOf(text)]);
      expect(second.events.map(describeEvent)).toEqual(first.events.map(describeEvent));
      expect(second.end!.candidates[0]!.reason).toEqual(first.end!.candidates[0]!.reason);
      if (usage !== undefined) expect(second.end!.usage).toEqual(usage);
      expect(second.end!.serviceTier).toBe(first.end!.serviceTier);
    },
  );

  it("tells by which tier it was served", () => {
    expect(read([framesOf(streams[0]!.stream)]).end?.serviceTier).toBe("flex");
    const { body } = answers[0]!;
    const { end } = bedrockConverse.readResponse(encode(JSON.stringify(body)));
    expect(end.serviceTier).toBe("priority");
  });

  it("reads on behind the end until usage is there, and nothing else then", () => {
    const [text] = streams;
    const late = framesOf([...text!.stream, { event: "metadata", payload: { usage: {} } }]);
    expect(read([late]).calls.slice(-3)).toEqual(["event", "flush", "finish"]);
    const noise = { event: "contentBlockDelta", payload: { delta: { text: "late" } } };
    const order = [...text!.stream.slice(0, -1), noise, ...text!.stream.slice(-1)];
    expect(read([framesOf(order)]).events).toEqual(read([framesOf(text!.stream)]).events);
  });

  it("ends with an error by an exception that clients know", () => {
    const error = new GatewayError("UPSTREAM_OVERLOADED", "Too much.");
    const outcome = read([bytesOf(bedrockConverse.writeStreamError(error, "r"))]);
    expect(outcome.error?.metadata).toMatchObject({
      failure_class: "OVERLOADED",
      provider_code: "ServiceUnavailableException",
    });
  });

  it("bounds frames, arguments, blocks and depth", () => {
    const long = framesOf([{ event: "x", payload: { p: "x".repeat(2_000_000) } }]);
    expect(read([long]).error?.metadata["failure_class"]).toBe("MALFORMED");
    const tools = streams[1]!.stream;
    const short = read([framesOf(tools)], { maxArgumentsLength: 9 });
    expect(short.error?.metadata["failure_class"]).toBe("MALFORMED");
    const few = read([framesOf(tools)], { maxBlocks: 2 });
    expect(few.error?.metadata["failure_class"]).toBe("MALFORMED");
    const deep = encode(`{"delta":${"[".repeat(100_000)}${"]".repeat(100_000)}}`);
    const headers = { ":message-type": "event", ":event-type": "contentBlockDelta" };
    expect(read([writeFrame(headers, deep)]).error?.metadata["failure_class"]).toBe("MALFORMED");
  });

  it("never throws, whatever a server writes", () => {
    const events = ["contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop"];
    const member = fc.oneof(
      fc.jsonValue(),
      fc.record({ text: fc.jsonValue(), toolUse: fc.jsonValue() }, { requiredKeys: [] }),
      fc.record({ reasoningContent: fc.jsonValue(), citation: fc.jsonValue() }),
      fc.record({ image: fc.record({ source: fc.jsonValue(), format: fc.constant("png") }) }),
    );
    const payload = fc.record(
      { contentBlockIndex: fc.jsonValue(), start: member, delta: member, stopReason: fc.string() },
      { requiredKeys: [] },
    );
    const frame = fc.record({ event: fc.constantFrom(...events), payload });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), (frames) => {
        const outcome = read([framesOf(frames)]);
        expect(checkEventGrammar(outcome.events)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

const finished: StreamEvent = {
  case: "finished",
  value: {
    $typeName: "penstock.inference.v1.Finished",
    candidates: [],
    warnings: [],
    attempts: [],
    quotas: [],
  },
};
