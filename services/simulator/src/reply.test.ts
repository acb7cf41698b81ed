import { openaiChat } from "@penstock/formats";
import { describe, expect, it } from "vitest";
import { receiveMessages } from "./received-messages.ts";
import { replyTo } from "./reply.ts";
import type { Scenario } from "./scenario.ts";

const tools = ["first", "second"].map((name) => ({ type: "function", function: { name } }));
const toolTurn = [
  { role: "user", content: "hello" },
  {
    role: "assistant",
    tool_calls: [{ id: "c", type: "function", function: { name: "first", arguments: "{}" } }],
  },
  { role: "tool", tool_call_id: "c", content: "done" },
];

function reply(fields: Record<string, unknown>, wanted: Partial<Scenario> = {}) {
  const asked = { model: "m", messages: [{ role: "user", content: "hello" }], ...fields };
  const { request } = openaiChat.readRequest(Buffer.from(JSON.stringify(asked)));
  const received = receiveMessages(request.messages);
  const { blocks, finish } = replyTo(request, received, { model: "m", ...wanted });
  const { pieces = [], toolName = "", toolCallId = "" } = blocks.at(-1) ?? {};
  return { received, blocks, finish, pieces, toolName, toolCallId };
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
    expect(reply({}, { tokens: 100 }).pieces).toHaveLength(100);
    expect(reply({ max_tokens: 5 })).toMatchObject({ finish: "length" });
    expect(reply({ max_tokens: 5 }).pieces).toHaveLength(5);
    expect(reply({ max_tokens: 24 }).finish).toBe("stop");
    expect(reply({}, { tokens: 0 }).pieces).toEqual([]);
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
    ["none", ""],
    ["auto", "first"],
    ["required", "first"],
    [{ type: "function", function: { name: "second" } }, "second"],
  ])("heeds the tool choice %j", (choice, name) => {
    expect(reply({ tools, tool_choice: choice }).toolName).toBe(name);
  });

  it("says something once the tool has answered, unless a call is required", () => {
    expect(reply({ tools, messages: toolTurn }).toolName).toBe("");
    expect(reply({ tools, messages: toolTurn, tool_choice: "required" }).toolName).toBe("first");
  });

  it("calls as many tools as the scenario says, each with an id of its own", () => {
    const { blocks } = reply({ tools }, { toolCalls: 3 });
    expect(blocks.map(({ toolName }) => toolName)).toEqual(["first", "second", "first"]);
    expect(new Set(blocks.map(({ toolCallId }) => toolCallId)).size).toBe(3);
  });

  it("thinks first where it is asked to, and signs it", () => {
    const { blocks, received } = reply({ reasoning_effort: "low", max_tokens: 20 });
    expect(blocks.map(({ kind, pieces }) => [kind, pieces.length])).toEqual([
      ["reasoning", 8],
      ["text", 12],
    ]);
    expect(blocks[0]?.signature).toBe(`sig_${received.sha256.slice(0, 32)}`);
    expect(reply({}, { reasoningTokens: 3 }).blocks[0]?.pieces).toHaveLength(3);
  });

  it("answers in the form that was asked for", () => {
    const schema = {
      type: "object",
      properties: {
        city: { type: "string" },
        size: { enum: ["small", "large"] },
        people: { type: "array", items: { type: ["integer", "null"], minimum: 2.5 } },
        more: { anyOf: [{ type: "boolean" }, { type: "null" }] },
        odd: { $ref: "#" },
      },
    };
    const json_schema = { name: "place", schema };
    const { pieces, finish } = reply({ response_format: { type: "json_schema", json_schema } });
    expect(JSON.parse(pieces.join(""))).toEqual({
      city: "amber",
      size: "small",
      people: [3],
      more: true,
      odd: null,
    });
    expect(finish).toBe("stop");
    const free = reply({ response_format: { type: "json_object" } });
    expect(JSON.parse(free.pieces.join(""))).toEqual({
      input_tokens: free.received.inputTokens,
      sha256: free.received.sha256,
    });
  });

  it("declines as a content filter would", () => {
    const { blocks, finish } = reply({ tools }, { refusal: true });
    expect(blocks).toHaveLength(1);
    expect(blocks[0]?.kind).toBe("refusal");
    expect(finish).toBe("content_filter");
  });
});
