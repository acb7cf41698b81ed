import { BlockKind } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { describe, expect, it } from "vitest";
import type { AnswerEnd, FormatQuirks, StreamEvent } from "./format.ts";
import { openaiResponses } from "./openai-responses/openai-responses.ts";
import { openaiChat } from "./openai-chat/openai-chat.ts";

const quirks: FormatQuirks = {
  maxTokensField: "max_completion_tokens",
  sendsDeveloperRole: true,
  supportsStreamUsage: true,
};
const target = { model: "u", stream: false, quirks };
const messages = [{ role: "user", content: "x" }];
const identity = { requestId: "r", responseId: "", model: "m", createdSeconds: 1 };
const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** How the documentation shows it: https://platform.openai.com/docs/api-reference/chat/object. */
const top = { token: "Hi", logprob: -0.5, bytes: [72, 105] };
const content = [
  { ...top, top_logprobs: [top, { token: "Yo", logprob: -2.25, bytes: [89, 111] }] },
  { token: "!", logprob: -1, bytes: null, top_logprobs: [] },
];

function write(fields: object): Record<string, unknown> {
  const { request } = openaiChat.readRequest(encode({ model: "m", messages, ...fields }));
  return JSON.parse(openaiChat.writeRequest(request, target)) as Record<string, unknown>;
}

describe("probabilities of tokens", () => {
  it("are asked for in both APIs of OpenAI", () => {
    const asked = { logprobs: true, top_logprobs: 3 };
    expect(write(asked)).toMatchObject(asked);
    expect(write({ logprobs: true })).not.toHaveProperty("top_logprobs");
    expect(write({ logprobs: false })).not.toHaveProperty("logprobs");
    const { request } = openaiChat.readRequest(encode({ model: "m", messages, ...asked }));
    expect(request.sampling?.topLogprobs).toBe(3);
    expect(JSON.parse(openaiResponses.writeRequest(request, target))).toMatchObject({
      include: ["message.output_text.logprobs"],
      top_logprobs: 3,
    });
  });

  it("need to be asked for before their number matters", () => {
    const read = (): unknown => write({ top_logprobs: 3 });
    expect(read).toThrow(GatewayError);
    expect(read).toThrow("top_logprobs");
  });

  it("come with a whole answer", () => {
    const choice = { index: 0, message: { content: "Hi!" }, finish_reason: "stop" };
    const body = { id: "c", model: "m", choices: [{ ...choice, logprobs: { content } }] };
    const answer = openaiChat.readResponse(encode({ ...body, service_tier: "flex" }));
    const usage = { $typeName: "penstock.type.v1.TokenUsage", source: 1 } as const;
    const written = JSON.parse(openaiChat.writeResponse(answer, identity, usage)) as object;
    expect(written).toMatchObject({
      service_tier: "flex",
      choices: [{ logprobs: { content, refusal: null } }],
    });
    const other = JSON.parse(openaiResponses.writeResponse(answer, identity, usage)) as object;
    expect(other).toMatchObject({
      service_tier: "flex",
      output: [{ content: [{ text: "Hi!", logprobs: content }] }],
    });
  });

  it("come with each piece of a stream, and the tier with its end", () => {
    const chunk = (choice: object): string =>
      `data: ${JSON.stringify({ id: "c", model: "m", service_tier: "flex", choices: [{ index: 0, ...choice }] })}\n\n`;
    const stream =
      chunk({ delta: { content: "Hi" }, logprobs: { content: [content[0]], refusal: null } }) +
      chunk({ delta: { content: "!" }, logprobs: { content: [content[1]], refusal: null } }) +
      chunk({ delta: { refusal: "no" }, logprobs: { content: null, refusal: [content[1]] } }) +
      chunk({ delta: {}, finish_reason: "stop" });
    const read = readStream(stream);
    const writer = openaiChat.createStreamWriter(identity, { includeUsage: false });
    const usage = { $typeName: "penstock.type.v1.TokenUsage", source: 1 } as const;
    const text =
      read.events.map((event) => writer.event(event)).join("") + writer.finish(read.end!, usage);
    const again = readStream(text);
    expect(again.events).toEqual(read.events);
    expect(again.end).toMatchObject({ serviceTier: "flex" });
    const known = again.events.flatMap((event) =>
      event.case === "blockDelta" ? [event.value.logprobs?.tokens[0]?.token] : [],
    );
    expect(known).toEqual(["Hi", "!", "!"]);
    const kinds = again.events.flatMap((event) =>
      event.case === "blockStarted" ? [event.value.kind] : [],
    );
    expect(kinds).toEqual([BlockKind.TEXT, BlockKind.REFUSAL]);
  });
});

function readStream(text: string): { events: StreamEvent[]; end: AnswerEnd | undefined } {
  const read: { events: StreamEvent[]; end: AnswerEnd | undefined } = {
    events: [],
    end: undefined,
  };
  const reader = openaiChat.createStreamReader({
    event: (event) => void read.events.push(event),
    flush() {},
    finish(end) {
      read.end = end;
    },
    fail(error) {
      throw error;
    },
  });
  reader.push(new TextEncoder().encode(text));
  reader.end();
  return read;
}
