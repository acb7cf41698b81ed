import { describe, expect, it } from "vitest";
import type { AnswerEnd, StreamEvent } from "../format.ts";
import { openaiChat } from "./openai-chat.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const failed = {
  error: { code: "content_filter_error", message: "The contents are not filtered" },
};
const passed = { hate: { filtered: false, severity: "safe" } };
const prompt = [{ prompt_index: 0, content_filter_results: passed }];

function stream(chunks: object[]): { events: StreamEvent[]; end: AnswerEnd | undefined } {
  const read: ReturnType<typeof stream> = { events: [], end: undefined };
  const reader = openaiChat.createStreamReader({
    event: (event) => void read.events.push(event),
    flush: () => undefined,
    finish: (end) => {
      read.end = end;
    },
    fail: (error) => {
      throw error;
    },
  });
  for (const chunk of chunks) reader.push(encode(`data: ${JSON.stringify(chunk)}\n\n`));
  reader.push(encode("data: [DONE]\n\n"));
  return read;
}

const head = { id: "", model: "", choices: [], prompt_filter_results: prompt };
const text = (content_filter_results: object) => ({
  id: "chatcmpl-1",
  model: "gpt-4o-2024-08-06",
  choices: [{ index: 0, delta: { content: "Hi" }, finish_reason: null, content_filter_results }],
});
const stop = { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] };
const late = {
  choices: [
    {
      index: 0,
      finish_reason: null,
      content_filter_results: passed,
      content_filter_offsets: { check_offset: 44, start_offset: 44, end_offset: 198 },
    },
  ],
};

describe("content filters of Azure", () => {
  it("say nothing that is content: the first chunk, and annotations that come late", () => {
    expect(stream([head, stop]).events).toEqual([]);
    const whole = stream([head, text(passed), late, stop]);
    expect(whole.events.map((event) => event.case)).toEqual([
      "blockStarted",
      "blockDelta",
      "blockEnded",
    ]);
    expect(whole.end).toMatchObject({ responseId: "chatcmpl-1", warnings: [] });
  });

  it("are told of when they failed and the text came all the same", () => {
    const warned = [expect.stringMatching(/^content_filter_failed: /) as string];
    const inText = stream([head, text(failed), text(failed), stop]);
    expect(inText.end?.warnings).toEqual(warned);
    const prompts = [{ prompt_index: 0, content_filter_results: failed }];
    expect(stream([{ ...head, prompt_filter_results: prompts }, stop]).end?.warnings).toEqual(
      warned,
    );
    const choice = { message: { content: "Hi" }, finish_reason: "stop" };
    const answer = (fields: object) =>
      openaiChat.readResponse(encode(JSON.stringify({ choices: [choice], ...fields }))).end;
    expect(answer({ prompt_filter_results: prompts }).warnings).toEqual(warned);
    const choices = [{ ...choice, content_filter_results: failed }];
    expect(answer({ choices }).warnings).toEqual(warned);
    expect(answer({ prompt_filter_results: prompt }).warnings).toEqual([]);
  });
});
