import { BlockKind, FinishReason, type ContentPart } from "@penstock/api";
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
import type { StreamEvent } from "../format.ts";
import answers from "./__fixtures__/answers.json" with { type: "json" };
import streams from "./__fixtures__/streams.json" with { type: "json" };
import { openaiChat } from "./openai-chat.ts";

const read = (chunks: Uint8Array[]): Outcome => readStream(openaiChat, chunks);

function describeEvent(event: StreamEvent): string {
  switch (event.case) {
    case "blockStarted": {
      const { index, candidate, kind, toolCallId, toolName } = event.value;
      return `start ${index} of ${candidate} ${nameOf(BlockKind, kind)} ${toolCallId} ${toolName}`.trim();
    }
    case "blockDelta":
      return `${event.value.index} += ${String(event.value.delta.value)}`;
    case "blockEnded":
      return `end ${event.value.index}`;
    default:
      return event.case;
  }
}

function describePart({ part }: ContentPart): unknown[] {
  switch (part.case) {
    case "text":
      return [part.value.refusal ? "refusal" : "text", part.value.text];
    case "reasoning":
      return ["reasoning", part.value.text];
    case "toolCall":
      return ["toolCall", part.value.id, part.value.name, part.value.argumentsJson];
    case "citation":
      return ["citation", part.value.uri];
    default:
      return [part.case];
  }
}

const sse = (data: string[]): string => data.map((line) => `data: ${line}\n\n`).join("");

describe("answers", () => {
  it.each(answers)("$name", ({ body, parts, finish, usage }) => {
    const answer = openaiChat.readResponse(encode(JSON.stringify(body)));
    const candidate = answer.candidates[0]!;
    expect(candidate.parts.map(describePart)).toEqual(parts);
    const reason = nameOf(FinishReason, candidate.finish.reason);
    expect([reason, candidate.finish.rawReason]).toEqual(finish);
    expect(counts(answer.end.usage)).toEqual(usage);
    expect(answer.end).toMatchObject({ responseId: body.id, model: body.model });
    if (usage === null) return;
    // Written for a caller and read again it is the same answer.
    const identity = { requestId: "r", responseId: "", model: "m", createdSeconds: 1 };
    const again = openaiChat.writeResponse(answer, identity, answer.end.usage!);
    const reread = openaiChat.readResponse(encode(again));
    expect(reread.candidates[0]!.parts).toEqual(candidate.parts);
    expect(reread.end.usage).toEqual(answer.end.usage);
    expect(reread.end).toMatchObject({ responseId: "chatcmpl-r", model: "m" });
  });

  it.each(["", "x", "[]", "{}", `{"choices":[]}`, `{"choices":[{}]}`, `{"choices":{}}`])(
    "refuses %j as malformed",
    (text) => {
      expect(() => openaiChat.readResponse(encode(text))).toThrow(
        expect.objectContaining({ reason: "UPSTREAM_MALFORMED" }),
      );
    },
  );

  it("takes an error in a 200 for an error", () => {
    const body = encode(`{"error":{"code":429,"message":"x"}}`);
    expect(() => openaiChat.readResponse(body)).toThrow(
      expect.objectContaining({ reason: "UPSTREAM_RATE_LIMITED" }),
    );
  });
});

describe("streams", () => {
  it.each(streams)("$name", ({ stream, events, finish, usage, fails }) => {
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
    expect(ends).toEqual(finish);
    expect(counts(outcome.end!.usage)).toEqual(usage);
  });

  it.each(streams.filter((one) => one.fails === undefined))(
    "$name, written and read again, is the same",
    ({ stream }) => {
      const first = read([encode(sse(stream))]);
      const identity = { requestId: "r", responseId: "x", model: "m", createdSeconds: 1 };
      const writer = openaiChat.createStreamWriter(identity, { includeUsage: true });
      const usage = first.end!.usage;
      const text =
        first.events.map((event) => writer.event(event)).join("") +
        writer.finish(first.end!, usage ?? { $typeName: "penstock.type.v1.TokenUsage", source: 2 });
      const second = read([encode(text)]);
      const shape = (outcome: Outcome): string[] => outcome.events.map(describeEvent).toSorted();
      expect(shape(second)).toEqual(shape(first));
      expect(second.end!.candidates).toEqual(first.end!.candidates);
      if (usage !== undefined) expect(second.end!.usage).toEqual(usage);
      expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
    },
  );

  it("bounds lines, arguments and blocks", () => {
    const long = `data: ${JSON.stringify({ choices: [{ delta: { content: "x".repeat(2_000_000) } }] })}\n\n`;
    expect(read([encode(long)]).error?.metadata["failure_class"]).toBe("MALFORMED");
    const deep = `data: {"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}\n\n`;
    expect(read([encode(deep)]).error?.metadata["failure_class"]).toBe("MALFORMED");
  });

  it("never throws, whatever a server writes", () => {
    const piece = fc.oneof(
      fc.string(),
      fc.jsonValue().map((value) => JSON.stringify(value)),
    );
    const odd = fc.record(
      {
        choices: fc.oneof(
          fc.jsonValue(),
          fc.array(
            fc.record(
              {
                index: fc.jsonValue(),
                delta: fc.record(
                  {
                    content: fc.jsonValue(),
                    tool_calls: fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue())),
                    annotations: fc.jsonValue(),
                    refusal: fc.jsonValue(),
                  },
                  { requiredKeys: [] },
                ),
                finish_reason: fc.jsonValue(),
              },
              { requiredKeys: [] },
            ),
          ),
        ),
        usage: fc.jsonValue(),
        id: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    const line = fc.oneof(
      piece,
      odd.map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
        const outcome = read([encode(sse(lines))]);
        expect(checkEventGrammar(outcome.events)).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });
});
