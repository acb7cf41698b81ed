import { describe, expect, it } from "vitest";
import { formats } from "./formats.ts";
import { isToldCount, mostToldTokens } from "./told-count.ts";

// Each provider's own names; what is refused as a whole object is estimated by who asks.
const beyond = mostToldTokens + 1;
const encoder = new TextEncoder();

const answers = {
  "openai-chat": (input: number) => ({
    id: "a",
    object: "chat.completion",
    model: "m",
    choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "hi" } }],
    usage: { prompt_tokens: input, completion_tokens: 2, total_tokens: input + 2 },
  }),
  "openai-responses": (input: number) => ({
    id: "resp_a",
    object: "response",
    created_at: 1,
    status: "completed",
    model: "m",
    output: [
      {
        type: "message",
        id: "msg_a",
        role: "assistant",
        status: "completed",
        content: [{ type: "output_text", text: "hi", annotations: [] }],
      },
    ],
    usage: { input_tokens: input, output_tokens: 2, total_tokens: input + 2 },
  }),
  "anthropic-messages": (input: number) => ({
    id: "msg_a",
    type: "message",
    role: "assistant",
    model: "m",
    content: [{ type: "text", text: "hi" }],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: { input_tokens: input, output_tokens: 2 },
  }),
  "google-generate-content": (input: number) => ({
    responseId: "a",
    modelVersion: "m",
    candidates: [{ finishReason: "STOP", content: { role: "model", parts: [{ text: "hi" }] } }],
    usageMetadata: { promptTokenCount: input, candidatesTokenCount: 2 },
  }),
  "bedrock-converse": (input: number) => ({
    output: { message: { role: "assistant", content: [{ text: "hi" }] } },
    stopReason: "end_turn",
    usage: { inputTokens: input, outputTokens: 2, totalTokens: input + 2 },
  }),
} as const;

const names = Object.keys(answers) as (keyof typeof answers)[];

describe("a count beyond belief", () => {
  it.each(names)("is refused of %s, and the answer is not passed on with it", (name) => {
    const read = (input: number) => {
      const body = encoder.encode(JSON.stringify(answers[name](input)));
      const text = new TextDecoder("latin1").decode(body);
      const { end } = formats[name].readResponse(body);
      return { end, relayed: formats[name].relayResponse(text, body) };
    };
    for (const input of [beyond, 1e15]) {
      const { end, relayed } = read(input);
      expect(end.usage).toBeUndefined();
      expect(end.warnings[0]).toMatch(/^usage_refused: /);
      expect(relayed).toBeUndefined();
    }
    expect(read(mostToldTokens - 10).end.usage?.inputTokens).toBe(99_999_990n);
  });

  it("is also one that counts come to together", () => {
    const body = answers["anthropic-messages"](90_000_000);
    Object.assign(body.usage, { cache_read_input_tokens: 90_000_000 });
    const { end } = formats["anthropic-messages"].readResponse(
      encoder.encode(JSON.stringify(body)),
    );
    expect(end).toMatchObject({ usage: undefined, warnings: ["usage_refused: input_tokens"] });
  });

  it("is no number but a whole one from zero on", () => {
    expect([0, 5, mostToldTokens].map(isToldCount)).toEqual([true, true, true]);
    expect([-1, 0.5, beyond, NaN, "5", 5n].some(isToldCount)).toBe(false);
  });
});
