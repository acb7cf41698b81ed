import { describe, expect, it } from "vitest";
import { liveCalls } from "./live-call.ts";
import { renderResults } from "./verify-live.ts";

const check = (feature: string, status: number, text: string): string | undefined =>
  liveCalls.find((call) => call.feature === feature)?.check(status, text);

describe("the checks of real answers", () => {
  it("want content and usage of a chat", () => {
    const usage = { total_tokens: 9 };
    const said = { choices: [{ message: { content: "ready" } }] };
    expect(check("chat", 200, JSON.stringify({ ...said, usage }))).toBeUndefined();
    expect(check("chat", 200, JSON.stringify(said))).toBe("no usage");
    expect(check("chat", 502, "{}")).toBe("HTTP 502: {}");
  });

  it("want the end of a stream", () => {
    const event = 'data: {"choices":[{"delta":{"content":"ready"}}]}\n\n';
    expect(check("stream", 200, `${event}data: [DONE]\n\n`)).toBeUndefined();
    expect(check("stream", 200, event)).toBe("the stream has no end");
  });

  it("want arguments that can be read", () => {
    const call = (text: string) =>
      JSON.stringify({
        choices: [{ message: { tool_calls: [{ function: { arguments: text } }] } }],
      });
    expect(check("tool call", 200, call('{"city":"Bonn"}'))).toBeUndefined();
    expect(check("tool call", 200, call("{}"))).toBe("arguments {}");
  });

  it("never ask for more than a few tokens", () => {
    for (const { body } of liveCalls) expect(body["max_tokens"]).toBe(16);
  });
});

describe("the table", () => {
  it("has a row for each call, on one line whatever went wrong", () => {
    const failed = { feature: "chat", problem: "a\n| b", milliseconds: 12.3, costUsd: "-" };
    expect(renderResults([failed], "2026-11-23")).toContain(
      "| OpenAI | chat | gpt-4o-mini | a b | 12 ms | - | 2026-11-23 |\n",
    );
  });
});
