import { GatewayError } from "@penstock/errors";
import { describe, expect, it } from "vitest";
import type { AnswerEnd } from "../format.ts";
import { formats } from "../formats.ts";
import { parseStreamEvent, parseStreamValue } from "./parse-stream-event.ts";
import { writeFrame } from "../bedrock-converse/event-frames.ts";

/** An array in an array, and so on, within the length that is not scanned otherwise. */
function nested(levels: number, core = "1"): string {
  return "[".repeat(levels) + core + "]".repeat(levels);
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("parseStreamEvent", () => {
  it("refuses what nests too deep, and no bracket that is text", () => {
    const padding = "x".repeat(2_048);
    expect(parseStreamEvent(`{"p":"${padding}","a":${nested(63)}}`)).toBeTypeOf("object");
    expect(() => parseStreamEvent(`{"p":"${padding}","a":${nested(64)}}`)).toThrow(GatewayError);
    const text = `${"[".repeat(3_000)}\\"{`;
    expect(parseStreamEvent(JSON.stringify({ text })).text).toBe(text);
    expect(parseStreamValue(`[${'"]",'.repeat(1_000)}1]`)).toHaveLength(1_001);
  });

  it.each(["1e999", `1${"0".repeat(309)}`, nested(30_000, "1e999")])(
    "refuses numbers out of range",
    (number) => {
      expect(() => parseStreamEvent(`{"a":${number}}`)).toThrow(GatewayError);
    },
  );
});

describe("a stream that nests too deep to be walked", () => {
  const usage = `{"prompt_tokens":1,"deep":${nested(30_000)}}`;
  const sse = (data: string): Uint8Array => encode(`data: ${data}\n\n`.repeat(2));
  const streams = {
    "openai-chat": sse(`{"choices":[{"index":0,"finish_reason":"stop"}],"usage":${usage}}`),
    "openai-responses": sse(
      `{"type":"response.completed","response":{"status":"completed","output":[],"usage":{"input_tokens_details":${usage}}}}`,
    ),
    "anthropic-messages": sse(
      `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":${'{"a":'.repeat(9_000)}1${"}".repeat(9_000)}}`,
    ),
    "google-generate-content": sse(`{"usageMetadata":{"deep":${nested(30_000, "1e999")}}}`),
    "bedrock-converse": writeFrame(
      { ":message-type": "event", ":event-type": "messageStop" },
      encode(`{"stopReason":"end_turn","deep":${nested(30_000)}}`),
    ),
  };

  it.each(Object.values(formats))("is malformed: $name", (format) => {
    let end: AnswerEnd | undefined;
    let error: GatewayError | undefined;
    const reader = format.createStreamReader({
      event: () => undefined,
      flush: () => undefined,
      finish: (finished) => (end = finished),
      fail: (failed) => (error = failed),
    });
    reader.push(streams[format.name]);
    reader.end();
    expect(end).toBeUndefined();
    expect(error?.metadata["failure_class"]).toBe("MALFORMED");
  });
});
