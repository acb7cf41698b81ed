import { describe, expect, it } from "vitest";
import { targetOf } from "../conformance/format-samples.fixture.ts";
import { openaiChat } from "../openai-chat/openai-chat.ts";
import turns from "./__fixtures__/claude-code-turns.json" with { type: "json" };
import { anthropicMessages } from "./anthropic-messages.ts";
import { plainRequest } from "./plain-request.ts";

const [known, searched] = turns.bodies.map(({ body }) => body);
const read = (body: unknown) =>
  anthropicMessages.readRequest(new TextEncoder().encode(JSON.stringify(body))).request;

describe("a request in plain words", () => {
  it("is the same object where it has nothing else", () => {
    const request = read({ model: "m", max_tokens: 9, messages: [{ role: "user", content: "x" }] });
    expect(plainRequest(request, () => {}).request).toBe(request);
  });

  it("has no line about the vendor's account, whether there is more or not", () => {
    const { messages } = plainRequest(read(known), () => {}).request;
    expect(messages[0]?.parts).toHaveLength(2);
    const alone = { ...known, system: known?.system.slice(0, 1) };
    expect(plainRequest(read(alone), () => {}).request.messages[0]?.parts).toHaveLength(1);
  });

  it("says which tools a search has found, and tells", () => {
    const warnings: string[] = [];
    const { request } = plainRequest(read(searched), (warning) => void warnings.push(warning));
    const body = JSON.parse(openaiChat.writeRequest(request, targetOf(true))) as {
      messages: unknown[];
    };
    const content = "The tool WebFetch can be called now.";
    expect(body.messages.at(-1)).toEqual({ role: "tool", tool_call_id: "toolu_1", content });
    expect(warnings).toEqual(["content_changed: a tool_reference is said in words"]);
  });
});
