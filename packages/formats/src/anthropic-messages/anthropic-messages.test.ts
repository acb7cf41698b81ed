import { FinishReason } from "@penstock/api";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { relayAs, usage } from "../conformance/format-samples.fixture.ts";
import {
  counts,
  encode,
  nameOf,
  noting,
  readStream,
  type Outcome,
} from "../conformance/read-outcome.fixture.ts";
import { checkEventGrammar } from "../event-grammar.ts";
import answers from "./__fixtures__/answers.json" with { type: "json" };
import streams from "./__fixtures__/streams.json" with { type: "json" };
import { describeEvent, describePart, sse } from "./anthropic-messages.fixture.ts";
import { anthropicMessages } from "./anthropic-messages.ts";

const readChunks = (chunks: readonly Uint8Array[]): Outcome =>
  readStream(anthropicMessages, chunks);
const identity = { requestId: "r", responseId: "", model: "m", createdSeconds: 1 };

describe("answers", () => {
  it.each(answers.rows)("$name", ({ body, parts, finish, usage }) => {
    const answer = anthropicMessages.readResponse(encode(JSON.stringify(body)));
    const candidate = answer.candidates[0]!;
    expect(candidate.parts.map(describePart)).toEqual(parts);
    const reason = nameOf(FinishReason, candidate.finish.reason);
    expect([reason, candidate.finish.rawReason]).toEqual(finish);
    expect(counts(answer.end.usage)).toEqual(usage);
    expect(answer.end).toMatchObject({ responseId: body.id, model: body.model });
    if (usage === null) {
      expect(answer.end.warnings).toEqual(["usage_refused: input_tokens"]);
      return;
    }
    // Written for a caller and read again it is the same answer.
    const again = anthropicMessages.writeResponse(answer, identity, answer.end.usage!);
    const reread = anthropicMessages.readResponse(encode(again));
    expect(reread.candidates).toEqual(answer.candidates);
    expect(counts(reread.end.usage)).toMatchObject(usage);
    expect(reread.end).toMatchObject({ responseId: "msg_r", model: "m" });
    expect(JSON.parse(again)).toMatchObject({
      content: body.content,
      stop_reason: body.stop_reason,
      stop_sequence: body.stop_sequence,
      usage: body.usage,
    });
  });

  it.each(["", "x", "[]", "{}", `{"content":{}}`, `{"content":[]}`, `{"content":[1]}`])(
    "refuses %j as malformed",
    (text) => {
      expect(() => anthropicMessages.readResponse(encode(text))).toThrow(
        expect.objectContaining({ reason: "UPSTREAM_MALFORMED" }),
      );
    },
  );

  it("takes an error in a 200 for an error", () => {
    const body = encode(`{"type":"error","error":{"type":"overloaded_error","message":"x"}}`);
    expect(() => anthropicMessages.readResponse(body)).toThrow(
      expect.objectContaining({ reason: "UPSTREAM_OVERLOADED" }),
    );
  });
});

describe("streams", () => {
  it.each(streams.rows)("$name", ({ stream, events, finish, usage, fails }) => {
    const outcome = readChunks([encode(sse(stream))]);
    expect(outcome.events.map(describeEvent)).toEqual(events);
    expect(checkEventGrammar(outcome.events)).toEqual([]);
    if (fails !== null) {
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
  });

  it.each(streams.rows)("$name, at every prefix", ({ stream }) => {
    const bytes = encode(sse(stream));
    const stop = sse(stream).indexOf("event: message_stop");
    // The blank line behind the last event may be missing: its data is whole.
    const proof = stop < 0 ? Infinity : bytes.length - 2;
    for (let length = 0; length <= bytes.length; length++) {
      const prefix = readChunks([bytes.subarray(0, length)]);
      expect(checkEventGrammar(prefix.events)).toEqual([]);
      expect(prefix.calls.filter((call) => call === "finish" || call === "fail")).toHaveLength(1);
      if (length < proof) expect(prefix.end, `at ${length}`).toBeUndefined();
    }
  });

  it.each(streams.rows.filter((one) => one.fails === null))(
    "$name, written and read again, is the same",
    ({ stream }) => {
      const first = readChunks([encode(sse(stream))]);
      const writer = anthropicMessages.createStreamWriter(identity, { includeUsage: true });
      const text =
        first.events.map((event) => writer.event(event)).join("") +
        writer.finish(first.end!, first.end!.usage!);
      const second = readChunks([encode(text)]);
      expect(second.events).toEqual(first.events);
      expect(second.end!.candidates).toEqual(first.end!.candidates);
      expect(counts(second.end!.usage)).toMatchObject(counts(first.end!.usage) as object);
      expect(text.endsWith('event: message_stop\ndata: {"type":"message_stop"}\n\n')).toBe(true);
    },
  );

  it.each(streams.rows)(
    "$name, is passed on as it came, under another name",
    ({ stream, fails }) => {
      const { outcome, reader } = noting(anthropicMessages, {}, relayAs("asked"));
      const bytes = encode(sse(stream));
      for (let at = 0; at < bytes.length; at += 7) reader.push(bytes.subarray(at, at + 7));
      reader.end();
      const told = stream.filter(({ type }) => type !== "ping" && type !== "error");
      const renamed = told.map((event) =>
        "message" in event ? { ...event, message: { ...event.message, model: "asked" } } : event,
      );
      const whole = sse(renamed);
      expect(outcome.events).toEqual(readChunks([bytes]).events);
      if (fails === null)
        expect(outcome.relayed + (outcome.end?.relayed?.write(usage) ?? "")).toBe(whole);
      else expect(whole.startsWith(outcome.relayed)).toBe(true);
      // The proof of a whole answer comes when it is settled, and not before.
      expect(outcome.relayed).not.toContain("message_stop");
      expect(outcome.relayed).not.toMatch(/"stop_reason":"/);
      if (outcome.events.length === 0) expect(outcome.relayed).toBe("");
    },
  );

  it("says nothing before there is content, whatever announces it", () => {
    const { outcome, reader } = noting(anthropicMessages);
    const [head, announced, ping, first] = streams.rows[0]!.stream;
    for (const event of [head, announced, ping, ping]) reader.push(encode(sse([event!])));
    expect(outcome.calls).toEqual([]);
    reader.push(encode(sse([first!])));
    expect(outcome.calls).toEqual(["event", "event", "flush"]);
    reader.push(encode(sse([ping!])));
    expect(outcome.calls).toHaveLength(3);
    expect(reader.responseId).toBe("msg_1nZdL29xx5MUA1yADyHTEsnR8uuvGzszyY");
    expect(reader.model).toBe("claude-sonnet-4-5-20250929");
  });

  it("bounds lines, depth and numbers", () => {
    const failure = (text: string) =>
      readChunks([encode(`data: ${text}\n\n`)]).error?.metadata["failure_class"];
    expect(failure(JSON.stringify({ x: "x".repeat(2_000_000) }))).toBe("MALFORMED");
    expect(failure(`{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}`)).toBe("MALFORMED");
    expect(failure(`{"type":"ping","a":[1e999]}`)).toBe("MALFORMED");
  });

  it("never throws, whatever a server writes", () => {
    const type = fc.constantFrom(
      "message_start",
      "content_block_start",
      "content_block_delta",
      "content_block_stop",
      "message_delta",
      "message_stop",
      "error",
    );
    const block = fc.record(
      {
        type: fc.oneof(fc.constantFrom("text", "tool_use", "thinking", "new"), fc.jsonValue()),
        name: fc.jsonValue(),
        text: fc.jsonValue(),
        input: fc.jsonValue(),
        citations: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    const delta = fc.record(
      {
        type: fc.constantFrom(
          "text_delta",
          "input_json_delta",
          "citations_delta",
          "signature_delta",
        ),
        text: fc.jsonValue(),
        partial_json: fc.jsonValue(),
        citation: fc.jsonValue(),
        signature: fc.jsonValue(),
        stop_reason: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    const odd = fc.record(
      {
        type: fc.oneof(type, type, type, fc.jsonValue()),
        index: fc.constantFrom(0, 1, 2, "x", null),
        content_block: fc.oneof(block, fc.jsonValue()),
        delta: fc.oneof(delta, delta, fc.jsonValue()),
        message: fc.jsonValue(),
        usage: fc.jsonValue(),
        error: fc.jsonValue(),
      },
      { requiredKeys: ["index"] },
    );
    const line = fc.oneof(
      fc.string(),
      odd.map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
        const text = lines.map((one) => `data: ${one}\n\n`).join("");
        const outcome = readChunks([encode(text)]);
        expect(checkEventGrammar(outcome.events)).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });
});
