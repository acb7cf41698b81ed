import { BlockKind, FinishReason } from "@penstock/api";
import { describe, expect, it } from "vitest";
import type { AnswerEnd, StreamEvent } from "../format.ts";
import {
  argumentsDelta,
  blockEnded,
  citationStarted,
  textDelta,
  textStarted,
  toolCallStarted,
} from "../streams/stream-events.ts";
import { createStreamWriter } from "./write-stream.ts";

const identity = { requestId: "r", responseId: "chatcmpl-1", model: "m", createdSeconds: 1 };
const noUsage = { $typeName: "penstock.type.v1.TokenUsage", source: 2 } as const;

function end(reason: FinishReason, rawReason: string): AnswerEnd {
  return {
    candidates: [
      { $typeName: "penstock.inference.v1.CandidateFinish", candidate: 0, reason, rawReason },
    ],
    usage: undefined,
    rawUsage: undefined,
    responseId: "",
    model: "",
    warnings: [],
  };
}

/** The objects of the events, in order. */
function write(events: readonly StreamEvent[], last = end(FinishReason.STOP, "stop")) {
  const writer = createStreamWriter(identity);
  const text = events.map((event) => writer.event(event)).join("") + writer.finish(last, noUsage);
  return text
    .split("\n\n")
    .filter((one) => one !== "")
    .map((one) => {
      const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(one) ?? [];
      const fields = JSON.parse(data ?? "") as Record<string, unknown>;
      expect(fields["type"]).toBe(name);
      return fields;
    });
}

const short = (fields: Record<string, unknown>): string => {
  const { type, index, delta, content_block: block } = fields;
  return [type, index, JSON.stringify(block ?? (index === undefined ? undefined : delta))]
    .filter((one) => one !== undefined)
    .join(" ");
};

describe("writing a stream of another format", () => {
  it("puts blocks that grow side by side one behind the other", () => {
    const events = [
      textStarted(0, 0, BlockKind.TEXT),
      textDelta(0, "a"),
      blockEnded(0),
      toolCallStarted(1, 0, { id: "x", name: "f" }),
      argumentsDelta(1, "{"),
      toolCallStarted(2, 0, { id: "y", name: "g" }),
      argumentsDelta(2, "{}"),
      argumentsDelta(1, "}"),
      blockEnded(1),
      blockEnded(2),
    ];
    const tool = (id: string, name: string) =>
      JSON.stringify({ type: "tool_use", id, name, input: {} });
    const json = (text: string) => JSON.stringify({ type: "input_json_delta", partial_json: text });
    expect(write(events, end(FinishReason.TOOL_CALLS, "tool_calls")).map(short)).toEqual([
      "message_start",
      'content_block_start 0 {"type":"text","text":""}',
      'content_block_delta 0 {"type":"text_delta","text":"a"}',
      "content_block_stop 0",
      `content_block_start 1 ${tool("x", "f")}`,
      `content_block_delta 1 ${json("{")}`,
      `content_block_delta 1 ${json("}")}`,
      "content_block_stop 1",
      `content_block_start 2 ${tool("y", "g")}`,
      `content_block_delta 2 ${json("{}")}`,
      "content_block_stop 2",
      "message_delta",
      "message_stop",
    ]);
  });

  it("adds citations to the text before them, even after its end", () => {
    const citation = {
      $typeName: "penstock.inference.v1.CitationPart",
      uri: "https://example.com",
      title: "t",
    } as const;
    const events = [
      textStarted(0, 0, BlockKind.TEXT),
      textDelta(0, "a"),
      blockEnded(0),
      citationStarted(1, 0, citation),
      blockEnded(1),
    ];
    const cited = {
      type: "web_search_result_location",
      url: "https://example.com",
      title: "t",
      cited_text: "",
      encrypted_index: "",
    };
    expect(write(events).map(short)).toContain(
      `content_block_delta 0 ${JSON.stringify({ type: "citations_delta", citation: cited })}`,
    );
    const alone = write([citationStarted(0, 0, citation), blockEnded(0)]).map(short);
    expect(alone.slice(1, 2)).toEqual(['content_block_start 0 {"type":"text","text":""}']);
  });

  it("tells a refusal, and the ends of others in its own words", () => {
    const refusal = [textStarted(0, 0, BlockKind.REFUSAL), textDelta(0, "no"), blockEnded(0)];
    const reasonOf = (written: Record<string, unknown>[]) => {
      const delta = written.at(-2)!["delta"] as Record<string, unknown>;
      return delta["stop_reason"];
    };
    expect(reasonOf(write(refusal))).toBe("refusal");
    expect(reasonOf(write([], end(FinishReason.LENGTH, "length")))).toBe("max_tokens");
    expect(reasonOf(write([], end(FinishReason.OTHER, "eos")))).toBe("end_turn");
    expect(reasonOf(write([], end(FinishReason.OTHER, "pause_turn")))).toBe("pause_turn");
  });

  it("leaves out what only another format has words for, and signatures of others", () => {
    const events: StreamEvent[] = [
      {
        case: "blockStarted",
        value: {
          $typeName: "penstock.inference.v1.BlockStarted",
          index: 0,
          candidate: 0,
          kind: BlockKind.FORMAT,
          toolCallId: "",
          toolName: "",
          formatPart: {
            $typeName: "penstock.inference.v1.FormatPart",
            format: "openai-responses",
            content: { type: "x" },
          },
        },
      },
      blockEnded(0),
      textStarted(1, 0, BlockKind.REASONING),
      textDelta(1, "hm"),
      {
        case: "blockEnded",
        value: {
          $typeName: "penstock.inference.v1.BlockEnded",
          index: 1,
          signature: "s",
          signatureIssuer: "another",
        },
      },
    ];
    expect(write(events).map(short).slice(1, -2)).toEqual([
      'content_block_start 0 {"type":"thinking","thinking":"","signature":""}',
      'content_block_delta 0 {"type":"thinking_delta","thinking":"hm"}',
      "content_block_stop 0",
    ]);
  });
});
