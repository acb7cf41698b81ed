import { describe, expect, it } from "vitest";
import type { Format } from "./format.ts";
import { formats } from "./formats.ts";
import { sideEffectOf } from "./side-effect.ts";

const chat = formats["openai-chat"];
const responses = formats["openai-responses"];
const messages = formats["anthropic-messages"];

/** What a body of the format would do beyond its answer. */
function effectOf(format: Format, more: object): string | undefined {
  const question =
    format === responses ? { input: "hi" } : { messages: [{ role: "user", content: "hi" }] };
  const body = { model: "m", max_tokens: undefined, ...question, ...more };
  return sideEffectOf(format.readRequest(new TextEncoder().encode(JSON.stringify(body))).request);
}

const parameters = { type: "object", properties: {} };

describe("sideEffectOf", () => {
  it.each<[string, Format, object]>([
    ["a question", chat, { temperature: 1, seed: 7, metadata: { a: "b" }, store: false }],
    ["functions", chat, { tools: [{ type: "function", function: { name: "f", parameters } }] }],
    ["functions", responses, { tools: [{ type: "function", name: "f", parameters }] }],
    ["an answer that is not stored", responses, { store: false, text: { verbosity: "low" } }],
    [
      "thinking",
      messages,
      { max_tokens: 2_000, thinking: { type: "enabled", budget_tokens: 1_024 } },
    ],
  ])("finds none in %s", (_, format, more) => {
    expect(effectOf(format, more)).toBeUndefined();
  });

  it.each<[string, Format, object, string]>([
    [
      "a hosted tool",
      responses,
      { tools: [{ type: "web_search" }] },
      "a tool that its provider may run",
    ],
    [
      "a server tool",
      messages,
      { max_tokens: 9, tools: [{ type: "web_search_20250305", name: "web_search" }] },
      "a tool that its provider may run",
    ],
    ["a stored answer", chat, { store: true }, "stored"],
    ["a stored answer", responses, { store: true }, "stored"],
    ["a parameter that nobody knows", chat, { web_search_options: {} }, "web_search_options"],
    [
      "servers of tools",
      messages,
      { max_tokens: 9, mcp_servers: [{ type: "url", url: "https://a.example", name: "a" }] },
      "mcp_servers",
    ],
  ])("finds one in %s", (_, format, more, words) => {
    expect(effectOf(format, more)).toContain(words);
  });

  it("finds none in a request without parameters", () => {
    expect(sideEffectOf({ tools: [], formatParameters: {} })).toBeUndefined();
  });
});
