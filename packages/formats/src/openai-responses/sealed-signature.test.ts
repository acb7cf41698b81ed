import { describe, expect, it } from "vitest";
import { anthropicMessages } from "../anthropic-messages/anthropic-messages.ts";
import { openaiResponses } from "./openai-responses.ts";
import { openSignature, sealSignature } from "./sealed-signature.ts";
import { encode } from "../conformance/read-outcome.fixture.ts";

const quirks = {
  maxTokensField: "max_completion_tokens",
  sendsDeveloperRole: true,
  supportsStreamUsage: true,
} as const;

describe("a signature that callers of the Responses API carry", () => {
  it.each([
    { signature: "s", signatureIssuer: "openai-responses" },
    { signature: "s:t", signatureIssuer: "anthropic-messages", redacted: false },
    { signature: "s", signatureIssuer: "anthropic-messages", redacted: true },
  ])("comes back as it was: %j", (thought) => {
    expect(openSignature(sealSignature(thought)!)).toEqual(thought);
  });

  it("is not taken for another's when it looks like anything", () => {
    for (const text of ["penstock:", "penstock:A:b", "gAAA", "penstock:x"]) {
      expect(openSignature(text)).toEqual({ signature: text, signatureIssuer: "openai-responses" });
    }
    expect(sealSignature({ signature: "" })).toBeUndefined();
  });

  it("takes the thoughts of Claude to the caller and back", () => {
    const content = [
      { type: "thinking", thinking: "hm", signature: "s1" },
      { type: "thinking", thinking: "", signature: "s2" },
      { type: "redacted_thinking", data: "d" },
      { type: "text", text: "Hi" },
    ];
    const usage = { input_tokens: 1, output_tokens: 1 };
    const message = { id: "msg_1", type: "message", role: "assistant", model: "claude", content };
    const told = { ...message, stop_reason: "end_turn", stop_sequence: null, usage };
    const answer = anthropicMessages.readResponse(encode(JSON.stringify(told)));
    const identity = { requestId: "r", responseId: "", model: "m", createdSeconds: 1 };
    const written = openaiResponses.writeResponse(answer, identity, answer.end.usage!);
    const { output } = JSON.parse(written) as { output: unknown[] };
    const input = [{ role: "user", content: "x" }, ...output, { role: "user", content: "y" }];
    const { request } = openaiResponses.readRequest(encode(JSON.stringify({ model: "m", input })));
    const target = { model: "claude", stream: false, quirks };
    const body = JSON.parse(anthropicMessages.writeRequest(request, target)) as {
      messages: { content: unknown }[];
    };
    expect(body.messages[1]?.content).toEqual(content);
  });
});
