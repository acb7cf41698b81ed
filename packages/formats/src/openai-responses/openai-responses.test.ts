import { FinishReason, type ContentPart } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { relayAs, usage as noUsage } from "../conformance/format-samples.fixture.ts";
import {
  counts,
  encode,
  nameOf,
  readStream,
  type Outcome,
} from "../conformance/read-outcome.fixture.ts";
import { checkEventGrammar } from "../event-grammar.ts";
import type { StreamRelay } from "../format.ts";
import answers from "./__fixtures__/answers.json" with { type: "json" };
import streams from "./__fixtures__/streams.json" with { type: "json" };
import { openaiResponses } from "./openai-responses.ts";
import { describeEvent, sse } from "./stream-outcome.fixture.ts";

const read = (chunks: readonly Uint8Array[], relay?: StreamRelay): Outcome =>
  readStream(openaiResponses, chunks, {}, relay);
const relay = (text: string) => openaiResponses.relayResponse(text, encode(text));
const identity = { requestId: "0190-r", responseId: "x", model: "m", createdSeconds: 1 };
const good = streams.filter((one) => one.fails === undefined);

function describePart({ part }: ContentPart): unknown[] {
  switch (part.case) {
    case "text":
      return [part.value.refusal ? "refusal" : "text", part.value.text];
    case "reasoning":
      return ["reasoning", part.value.text, part.value.signature];
    case "toolCall":
      return ["toolCall", part.value.id, part.value.name, part.value.argumentsJson];
    case "citation":
      return ["citation", part.value.uri];
    case "formatPart":
      return ["formatPart", part.value.content?.["type"]];
    default:
      return [part.case];
  }
}

describe("answers", () => {
  it.each(answers)("$name", ({ body, parts, finish, usage }) => {
    const answer = openaiResponses.readResponse(encode(JSON.stringify(body)));
    const candidate = answer.candidates[0]!;
    expect(candidate.parts.map(describePart)).toEqual(parts);
    const reason = nameOf(FinishReason, candidate.finish.reason);
    expect([reason, candidate.finish.rawReason]).toEqual(finish);
    expect(counts(answer.end.usage)).toEqual(usage);
    expect(answer.end).toMatchObject({ responseId: body.id, model: body.model });
    // Written for a caller and read again it is the same answer.
    const again = openaiResponses.writeResponse(answer, identity, answer.end.usage!);
    const reread = openaiResponses.readResponse(encode(again));
    expect(reread.candidates).toEqual(answer.candidates);
    expect(counts(reread.end.usage)).toMatchObject(usage);
    expect(reread.end).toMatchObject({ responseId: "resp_0190r", model: "m" });
  });

  it.each(answers)("$name may go on as it came, but for the model", ({ body }) => {
    const text = JSON.stringify(body, null, 1);
    const relayed = relay(text)!;
    expect(text.slice(relayed.model.start, relayed.model.end)).toBe(JSON.stringify(body.model));
    const { candidates, end } = openaiResponses.readResponse(encode(text));
    // The caller gets the raw usage in the text.
    expect(relayed.end).toEqual({ ...end, rawUsage: undefined });
    const thoughts = candidates[0]?.parts.flatMap(({ part }) =>
      part.case === "reasoning" && part.value.signature ? [part.value.signature] : [],
    );
    expect(relayed.signature).toBe(thoughts?.at(-1));
    for (let length = 0; length < text.length; length += 7) {
      expect(relay(text.slice(0, length))).toBeUndefined();
    }
  });

  it.each(["", "x", "[]", "{}", `{"output":[]}`, `{"output":[],"status":"in_progress"}`])(
    "refuses %j as malformed",
    (text) => {
      expect(() => openaiResponses.readResponse(encode(text))).toThrow(
        expect.objectContaining({ reason: "UPSTREAM_MALFORMED" }),
      );
      expect(relay(text)).toBeUndefined();
    },
  );

  it("takes an error in a 200, or a failed answer, for an error", () => {
    const read = (value: object) => () =>
      openaiResponses.readResponse(encode(JSON.stringify(value)));
    expect(read({ error: { code: "rate_limit_exceeded", message: "x" } })).toThrow(
      expect.objectContaining({ reason: "UPSTREAM_RATE_LIMITED" }),
    );
    expect(read({ status: "failed", output: [] })).toThrow(
      expect.objectContaining({ reason: "UPSTREAM_FAILED" }),
    );
    const failed = { ...answers[0]!.body, status: "failed", error: { code: "server_error" } };
    expect(relay(JSON.stringify(failed))).toBeUndefined();
  });

  it("tells the tier that served it", () => {
    const answer = openaiResponses.readResponse(encode(JSON.stringify(answers[0]!.body)));
    expect(answer.end.serviceTier).toBe("flex");
    const text = openaiResponses.writeResponse(answer, identity, answer.end.usage!);
    expect(JSON.parse(text)).toMatchObject({ service_tier: "flex", store: false });
  });
});

describe("streams", () => {
  it.each(streams)("$name", ({ stream, events, finish, usage, fails, tier }) => {
    const outcome = read([encode(sse(stream))]);
    expect(outcome.events.map(describeEvent)).toEqual(events);
    expect(checkEventGrammar(outcome.events)).toEqual([]);
    if (fails !== undefined) {
      const { reason, metadata } = outcome.error!;
      expect([reason, metadata["failure_class"]]).toEqual(fails);
      expect(outcome.end).toBeUndefined();
      return;
    }
    expect(outcome.error).toBeUndefined();
    const ends = outcome.end!.candidates.map((one) => [
      nameOf(FinishReason, one.reason),
      one.rawReason,
    ]);
    expect(ends).toEqual([finish]);
    expect(counts(outcome.end!.usage)).toEqual(usage);
    expect(outcome.end!.serviceTier).toBe(tier);
  });

  it.each(streams)("$name, at every prefix", ({ stream }) => {
    const bytes = encode(sse(stream));
    // Only the last event completes it: whatever is cut before is no answer.
    const complete = bytes.length - 2;
    for (let length = 0; length < complete; length += 13) {
      const prefix = read([bytes.subarray(0, length)]);
      expect(checkEventGrammar(prefix.events)).toEqual([]);
      expect(prefix.end).toBeUndefined();
      expect(prefix.error).toBeDefined();
    }
  });

  it.each(good)("$name, written and read again, is the same", ({ stream }) => {
    const first = read([encode(sse(stream))]);
    const writer = openaiResponses.createStreamWriter(identity, { includeUsage: true });
    const text =
      first.events.map((event) => writer.event(event)).join("") +
      writer.finish(first.end!, first.end!.usage!);
    const second = read([encode(text)]);
    const shape = (outcome: Outcome): string[] => outcome.events.map(describeEvent).toSorted();
    expect(shape(second)).toEqual(shape(first));
    expect(second.end!.candidates[0]!.reason).toEqual(first.end!.candidates[0]!.reason);
    expect(counts(second.end!.usage)).toMatchObject(counts(first.end!.usage) as object);
    // What its last event tells is what the events before it told.
    const written = eventsIn(text);
    const done = written.filter(({ type }) => type === "response.output_item.done");
    const { response } = written.at(-1) as unknown as { response: { output: unknown[] } };
    expect(response.output).toEqual(done.map(({ item }) => item));
    expect(written.map((event) => event["sequence_number"])).toEqual(written.keys().toArray());
    expect(text).not.toContain("[DONE]");
  });

  it.each(good)("$name, passed on, is what came, but for the model", ({ stream }) => {
    const outcome = read([encode(sse(stream))], relayAs("asked-for"));
    const text = outcome.relayed + outcome.end!.relayed!.write(noUsage);
    const expected = JSON.parse(
      JSON.stringify(stream).replaceAll("gpt-4.1-2025-04-14", "asked-for"),
    ) as unknown;
    expect(eventsIn(text)).toEqual(expected);
    expect(outcome.events).toEqual(read([encode(sse(stream))]).events);
    const [first] = outcome.calls;
    // Nothing is passed on before the first content, as until then another may answer.
    expect(first).toBe("event");
  });

  it("passes nothing on of an answer that never began", () => {
    const { stream } = streams.find(({ name }) => name === "failed before content")!;
    const outcome = read([encode(sse(stream))], relayAs("m"));
    expect(outcome.relayed).toBe("");
    expect(outcome.calls).toEqual(["fail"]);
    expect(outcome.failedUsage?.inputTokens).toBe(5n);
  });

  it("bounds lines, depth and arguments", () => {
    const failure = (text: string): unknown =>
      read([encode(text)]).error?.metadata["failure_class"];
    expect(failure(`data: "${"x".repeat(4_200_000)}"\n\n`)).toBe("MALFORMED");
    const deep = `data: {"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}\n\n`;
    expect(failure(deep)).toBe("MALFORMED");
    const added = {
      type: "response.output_item.added",
      output_index: 0,
      item: { type: "function_call", call_id: "c", name: "f" },
    };
    const delta = {
      type: "response.function_call_arguments.delta",
      output_index: 0,
      delta: "x".repeat(1_000_000),
    };
    const many = Array.from({ length: 17 }, () => delta);
    expect(failure(sse([added, ...many]))).toBe("MALFORMED");
  });

  it("never throws, whatever a server writes", () => {
    const types = [...new Set(streams.flatMap(({ stream }) => stream.map(({ type }) => type)))];
    const item = fc.record(
      {
        type: fc.constantFrom("message", "function_call", "reasoning", "web_search_call"),
        call_id: fc.jsonValue(),
        name: fc.oneof(fc.constant("f"), fc.jsonValue()),
        arguments: fc.jsonValue(),
        content: fc.oneof(fc.jsonValue(), fc.array(fc.record({ text: fc.jsonValue() }))),
        summary: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    const event = fc.record(
      {
        type: fc.constantFrom(...types),
        output_index: fc.oneof(fc.constantFrom(0, 1), fc.jsonValue()),
        content_index: fc.oneof(fc.constantFrom(0, 1), fc.jsonValue()),
        item: fc.oneof(item, fc.jsonValue()),
        delta: fc.oneof(fc.string(), fc.jsonValue()),
        arguments: fc.jsonValue(),
        annotation: fc.jsonValue(),
        response: fc.oneof(fc.record({ output: fc.array(item) }), fc.jsonValue()),
        error: fc.jsonValue(),
      },
      { requiredKeys: ["type"] },
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 8 }), fc.boolean(), (events, relays) => {
        const relay = relays ? relayAs("m") : undefined;
        const outcome = read([encode(sse(events))], relay);
        expect(checkEventGrammar(outcome.events)).toEqual([]);
        expect((outcome.end === undefined) !== (outcome.error === undefined)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe("errors", () => {
  it("end a stream by the event that clients throw at, and the state that agents wait for", () => {
    const error = new GatewayError("STREAM_INTERRUPTED", "The stream broke.");
    const events = eventsIn(openaiResponses.writeStreamError(error, "0190-r"));
    expect(events.map(({ type }) => type)).toEqual(["error", "response.failed"]);
    expect(events[0]).toMatchObject({
      code: "STREAM_INTERRUPTED",
      error: { message: "The stream broke.", request_id: "0190-r" },
    });
    expect(events[1]).toMatchObject({
      response: { status: "failed", error: { code: "STREAM_INTERRUPTED" } },
    });
  });
});

function eventsIn(text: string): ({ type: string } & Record<string, unknown>)[] {
  return text
    .trim()
    .split("\n\n")
    .map((event) => {
      const [name, data] = event.split("\n");
      const value = JSON.parse(data!.slice("data: ".length)) as { type: string };
      expect(name).toBe(`event: ${value.type}`);
      return value;
    });
}
