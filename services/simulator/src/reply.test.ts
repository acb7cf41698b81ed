import { openaiChat } from "@penstock/formats";
import { describe, expect, it } from "vitest";
import { receiveMessages } from "./received-messages.ts";
import { replyTo } from "./reply.ts";

const tools = ["first", "second"].map((name) => ({ type: "function", function: { name } }));
const toolTurn = [
  { role: "user", content: "hello" },
  {
    role: "assistant",
    tool_calls: [{ id: "c", type: "function", function: { name: "first", arguments: "{}" } }],
  },
  { role: "tool", tool_call_id: "c", content: "done" },
];

function reply(fields: Record<string, unknown>, tokens?: number) {
  const asked = { model: "m", messages: [{ role: "user", content: "hello" }], ...fields };
  const { request } = openaiChat.readRequest(Buffer.from(JSON.stringify(asked)));
  const received = receiveMessages(request.messages);
  return { received, ...replyTo(request, received, "m", tokens) };
}

describe("replyTo", () => {
  it("begins with what was received and goes on with words of the hash", () => {
    const { pieces, received, finish } = reply({});
    expect(pieces.join("")).toMatch(
      new RegExp(`^m received 1 messages of 4 tokens ${received.sha256}( [a-z]+){16}$`),
    );
    expect(pieces).toHaveLength(24);
    expect(finish).toBe("stop");
    expect(reply({}).pieces).toEqual(pieces);
    const other = reply({ messages: [{ role: "user", content: "hello!" }] });
    expect(other.pieces.slice(8)).not.toEqual(pieces.slice(8));
  });

  it("is as long as the scenario says and stops where the caller says", () => {
    expect(reply({}, 100).pieces).toHaveLength(100);
    expect(reply({ max_tokens: 5 })).toMatchObject({ finish: "length" });
    expect(reply({ max_tokens: 5 }).pieces).toHaveLength(5);
    expect(reply({ max_tokens: 24 }).finish).toBe("stop");
    expect(reply({}, 0).pieces).toEqual([]);
  });

  it("calls a tool with what it received as arguments", () => {
    const { toolName, pieces, finish, received, toolCallId } = reply({ tools });
    expect(toolName).toBe("first");
    expect(finish).toBe("tool_calls");
    expect(toolCallId).toBe(`call_${received.sha256.slice(0, 24)}`);
    const told = { input_tokens: received.inputTokens, sha256: received.sha256 };
    expect(JSON.parse(pieces.join(""))).toEqual(told);
  });

  it.each([
    ["none", undefined],
    ["auto", "first"],
    ["required", "first"],
    [{ type: "function", function: { name: "second" } }, "second"],
  ])("heeds the tool choice %j", (choice, name) => {
    expect(reply({ tools, tool_choice: choice }).toolName).toBe(name);
  });

  it("says something once the tool has answered, unless a call is required", () => {
    expect(reply({ tools, messages: toolTurn }).toolName).toBeUndefined();
    expect(reply({ tools, messages: toolTurn, tool_choice: "required" }).toolName).toBe("first");
  });
});
