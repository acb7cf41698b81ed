import { createHash } from "node:crypto";
import { openaiChat } from "@penstock/formats";
import { describe, expect, it } from "vitest";
import { conversationText, receiveMessages } from "./received-messages.ts";

const conversation = [
  { role: "developer", content: "Be brief." },
  {
    role: "user",
    content: [
      { type: "text", text: "What is " },
      { type: "text", text: "this?" },
    ],
  },
  {
    role: "assistant",
    content: null,
    tool_calls: [
      { id: "c1", type: "function", function: { name: "look", arguments: '{"at": 1}' } },
    ],
  },
  { role: "tool", tool_call_id: "c1", content: "a cat" },
];

function read(messages: unknown) {
  const body = Buffer.from(JSON.stringify({ model: "m", messages }));
  return openaiChat.readRequest(body).request.messages;
}

describe("receiveMessages", () => {
  it("hashes role and text of every message, an empty line between them", () => {
    const text =
      'system\nBe brief.\n\nuser\nWhat is this?\n\nassistant\nlook {"at": 1}\n\ntool\na cat';
    const messages = read(conversation);
    expect(conversationText(messages)).toBe(text);
    expect(receiveMessages(messages)).toEqual({
      sha256: createHash("sha256").update(text).digest("hex"),
      count: 4,
      // 2 + 3 + 3 + 2 words, and 3 for each message; each part is counted on its own.
      inputTokens: 10 + 4 * 3,
    });
  });

  it("counts a picture as one token", () => {
    const image = { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } };
    const messages = read([{ role: "user", content: [{ type: "text", text: "See" }, image] }]);
    expect(conversationText(messages)).toBe("user\nSee[image/png]");
    expect(receiveMessages(messages).inputTokens).toBe(2 + 3);
  });
});
