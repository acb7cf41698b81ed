import { BlockKind } from "@penstock/api";
import { describe, expect, it } from "vitest";
import type { StreamEvent } from "../format.ts";
import { formats } from "../formats.ts";

// A signature of Google on its way: answer → caller → next request → target.

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const { "openai-chat": chat, "google-generate-content": google } = formats;
const identity = { requestId: "r", responseId: "x", model: "m", createdSeconds: 1 };
const quirks = {
  maxTokensField: "max_tokens",
  sendsDeveloperRole: false,
  supportsStreamUsage: true,
  sendsReasoning: true,
} as const;
const target = { model: "gemini-3-pro", stream: false, quirks };

const answer = google.readResponse(
  encode(
    JSON.stringify({
      candidates: [
        {
          content: {
            parts: [{ functionCall: { name: "f", args: {} }, thoughtSignature: "c2ln" }],
          },
          finishReason: "STOP",
        },
      ],
      usageMetadata: { promptTokenCount: 1, totalTokenCount: 1 },
    }),
  ),
);

function sendBack(message: object): { body: string; warnings: string[] } {
  const warnings: string[] = [];
  const result = { role: "tool", tool_call_id: "call", content: "ok" };
  const body = encode(JSON.stringify({ model: "m", messages: [message, result] }));
  const { request } = chat.readRequest(body);
  const warn = (warning: string): void => void warnings.push(warning);
  return { body: google.writeRequest(request, { ...target, warn }), warnings };
}

describe("the signature of a tool call", () => {
  it("travels through a caller of this format and back", () => {
    const written = JSON.parse(chat.writeResponse(answer, identity, answer.end.usage!)) as {
      choices: [{ message: { tool_calls: { id: string }[] } }];
    };
    const { message } = written.choices[0];
    expect(message.tool_calls[0]).toMatchObject({
      extra_content: { google: { thought_signature: "c2ln" } },
    });
    message.tool_calls[0]!.id = "call";
    const { body, warnings } = sendBack(message);
    expect(body).toContain('"thoughtSignature":"c2ln"');
    expect(warnings).toEqual([]);
  });

  it("comes at the end of a streamed call", () => {
    const writer = chat.createStreamWriter(identity, { includeUsage: false });
    const block = { index: 0, candidate: 0, kind: BlockKind.TOOL_CALL };
    const started: StreamEvent = {
      case: "blockStarted",
      value: {
        $typeName: "penstock.inference.v1.BlockStarted",
        ...block,
        toolCallId: "call",
        toolName: "f",
      },
    };
    const ended = (signatureIssuer: string): StreamEvent => ({
      case: "blockEnded",
      value: {
        $typeName: "penstock.inference.v1.BlockEnded",
        index: 0,
        signature: "c2ln",
        signatureIssuer,
      },
    });
    writer.event(started);
    expect(writer.event(ended("another"))).toBe("");
    const data = writer.event(ended(google.name)).slice("data: ".length);
    expect(JSON.parse(data)).toMatchObject({
      choices: [
        {
          delta: {
            tool_calls: [{ index: 0, extra_content: { google: { thought_signature: "c2ln" } } }],
          },
        },
      ],
    });
  });

  it("is made up, and told so, where a caller has lost it", () => {
    const call = { id: "call", type: "function", function: { name: "f", arguments: "{}" } };
    const { body, warnings } = sendBack({ role: "assistant", tool_calls: [call] });
    expect(body).toContain('"thoughtSignature":"skip_thought_signature_validator"');
    expect(warnings).toHaveLength(1);
  });

  it("stays away from targets of this format, which could not read it", () => {
    const warnings: string[] = [];
    const warn = (warning: string): void => void warnings.push(warning);
    const { request } = google.readRequest(
      encode(
        JSON.stringify({
          contents: [
            {
              role: "model",
              parts: [{ functionCall: { name: "f", args: {} }, thoughtSignature: "c2ln" }],
            },
          ],
        }),
      ),
      { model: "m", stream: false },
    );
    expect(chat.writeRequest(request, { ...target, warn })).not.toContain("c2ln");
    expect(warnings).toHaveLength(1);
  });
});
