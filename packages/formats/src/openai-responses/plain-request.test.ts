import type { ContentPart, GenerateRequest } from "@penstock/api";
import { describe, expect, it } from "vitest";
import { warnOfForeignParameters } from "../foreign-parameters.ts";
import turns from "./__fixtures__/codex-turns.json" with { type: "json" };
import { openaiResponses } from "./openai-responses.ts";
import { plainRequest } from "./plain-request.ts";

const read = (body: object): GenerateRequest =>
  openaiResponses.readRequest(new TextEncoder().encode(JSON.stringify(body))).request;

const [inNamespace, withTexts, amongItems] = turns.bodies.map(({ body }) => body);

const ask = { model: "m", input: "hi" };
const shell = { type: "function", name: "shell", parameters: { type: "object", properties: {} } };

/** Calls and results in order, as names, arguments and texts. */
function said({ messages }: GenerateRequest): unknown[] {
  const partOf = ({ part }: ContentPart): unknown[] => {
    if (part.case === "toolCall") return [[part.value.name, JSON.parse(part.value.argumentsJson)]];
    if (part.case !== "toolResult") return [];
    return [part.value.parts.map((one) => (one.part.case === "text" ? one.part.value.text : ""))];
  };
  return messages.flatMap(({ parts }) => parts.flatMap(partOf));
}

describe("a request in plain words", () => {
  it("is the same object where it has nothing else", () => {
    const request = read({ ...ask, tools: [shell] });
    expect(plainRequest(request, () => {})).toEqual({ request });
    expect(plainRequest(request, () => {}).request).toBe(request);
  });

  it("joins the names of namespaces, in tools and calls", () => {
    const { request, callForms } = plainRequest(read(inNamespace!), () => {});
    expect(request.tools.map(({ name }) => name)).toEqual([
      "exec_command",
      "multi_agent_v1__spawn_agent",
      "multi_agent_v1__wait_agent",
    ]);
    expect(said(request)).toEqual([
      ["exec_command", { cmd: "ls" }],
      ["README.md\n"],
      ["multi_agent_v1__wait_agent", { targets: ["a"] }],
      ["done"],
    ]);
    expect(callForms?.get("multi_agent_v1__wait_agent")).toEqual({
      kind: "function",
      name: "wait_agent",
      namespace: "multi_agent_v1",
    });
    expect(callForms?.has("exec_command")).toBe(false);
  });

  it("has functions for texts and searches, and the tools that were found", () => {
    const warnings: string[] = [];
    const { request, callForms } = plainRequest(read(withTexts!), (one) => void warnings.push(one));
    expect(request.tools.map(({ name }) => name)).toEqual([
      "exec_command",
      "apply_patch",
      "tool_search",
      "multi_agent_v1__spawn_agent",
    ]);
    expect(request.tools[1]).toMatchObject({
      description: expect.stringContaining("start: begin_patch hunk+ end_patch"),
      inputSchema: { required: ["input"] },
    });
    expect(said(request)).toEqual([
      ["tool_search", { query: "agent" }],
      ["Callable now: multi_agent_v1__spawn_agent."],
      ["apply_patch", { input: "*** Begin Patch\n*** End Patch\n" }],
      ["Exit code: 0\n"],
    ]);
    expect([...(callForms?.values() ?? [])].map(({ kind }) => kind)).toEqual([
      "custom",
      "tool_search",
      "function",
    ]);
    expect(warnings).toEqual(["item_dropped: web_search_call, which only openai-responses knows"]);
  });

  it("finds the tools among the items", () => {
    const { request } = plainRequest(read(amongItems!), () => {});
    const names = ["functions__exec", "functions__wait", "clock__sleep"];
    expect(request.tools.map(({ name }) => name)).toEqual(names);
    expect(said(request)).toEqual([
      ["functions__exec", { input: "text(1)" }],
      ["Script completed", "1"],
    ]);
  });

  it("leaves out what the provider runs only where an answer does without, and tells", () => {
    const search = { type: "web_search" };
    const told = (body: object): [string[], number] => {
      const request = read(body);
      const warnings: string[] = [];
      warnOfForeignParameters(request, "openai-chat", (one) => void warnings.push(one));
      return [warnings, plainRequest(request, () => {}).request.tools.length];
    };
    const dropped = "tool_dropped: web_search, which only openai-responses runs";
    expect(told({ ...ask, tools: [shell, search] })).toEqual([[dropped], 1]);
    expect(told({ ...ask, tools: [search] })).toEqual([[], 1]);
    const chosen = told({ ...ask, tools: [shell, search], tool_choice: search });
    expect(chosen[0]).not.toContain(dropped);
    expect(chosen[1]).toBe(2);
    expect(told({ ...ask, tools: [shell, { type: "file_search" }] })).toEqual([[], 2]);
  });

  it("has no two tools of a name, and no name that is too long", () => {
    const names = ["a".repeat(60), "b".repeat(60)];
    const tools = names.map((name) => ({ type: "namespace", name, tools: [shell] }));
    const twice = { type: "namespace", name: "x__", tools: [shell] };
    const { request } = plainRequest(
      read({ ...ask, tools: [...tools, tools[0], twice] }),
      () => {},
    );
    const [first = "", second = "", ...rest] = request.tools.map(({ name }) => name);
    expect([first.length, second.length]).toEqual([64, 64]);
    expect(first).not.toBe(second);
    expect(rest).toEqual(["x__shell"]);
  });

  it("tells tools apart whose names are one, or are too long", () => {
    const tool = (name: string): object => ({ ...shell, name });
    const space = (name: string, ...tools: object[]): object => ({
      type: "namespace",
      name,
      tools,
    });
    const end = "x".repeat(70);
    const calls = [
      { type: "function_call", call_id: "1", namespace: "a", name: "b", arguments: "{}" },
      { type: "function_call", call_id: "2", name: "a__b", arguments: "{}" },
      { type: "function_call", call_id: "3", namespace: "two", name: end, arguments: "{}" },
    ];
    const tools = [
      space("a", tool("b"), { type: "custom", name: "b" }),
      space("one", tool(end)),
      space("two", tool(end)),
      space("s.t", tool("u")),
      space("s_t", tool("u")),
      tool("a__b"),
    ];
    const found = { type: "tool_search_output", call_id: "4", tools: [tool("s_t__u"), tools[0]] };
    const ask = { model: "m", input: [...calls, found], tools };
    const { request, callForms } = plainRequest(read(ask), () => {});
    const names = request.tools.map(({ name }) => name);
    expect(new Set(names).size).toBe(8);
    for (const name of names) expect(name).toMatch(/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/);
    const forms = names.map((name) => callForms?.get(name));
    expect(forms.map((form) => form && [form.kind, form.namespace, form.name])).toEqual([
      ["function", "a", "b"],
      ["custom", "a", "b"],
      ["function", "one", end],
      ["function", "two", end],
      ["function", "s.t", "u"],
      ["function", "s_t", "u"],
      undefined,
      ["function", undefined, "s_t__u"],
    ]);
    // A function keeps its name wherever it stands, as it may be chosen by it.
    expect(names[6]).toBe("a__b");
    const called = said(request).slice(0, 3);
    expect(called).toEqual([names[0], names[6], names[3]].map((name) => [name, {}]));
    expect(said(request)[3]).toEqual([`Callable now: ${names[7]}, ${names[0]}, ${names[1]}.`]);
    const again = plainRequest(read(ask), () => {}).request;
    expect(again.tools.map(({ name }) => name)).toEqual(names);
  });

  it("says which item can't be read", () => {
    const broken = { type: "custom_tool_call", name: "f", input: "x" };
    const request = read({ ...ask, input: [broken] });
    expect(() => plainRequest(request, () => {})).toThrow(/call_id/);
  });
});
