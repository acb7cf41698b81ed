import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentTurns, type AgentTurn } from "@penstock/formats/testing";
import { startConstellation } from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { agentGateway } from "./src/agent-gateway.ts";
import { countedTokens, startAgentVendor } from "./src/agent-vendor.ts";
import type { AgentVendor } from "./src/agent-vendor.ts";

// Turns of coding agents, as the agents were seen to ask, before targets of every door's format.
// coding-agents.long.test.ts runs the agents themselves.

const folder = mkdtempSync(join(tmpdir(), "penstock-agents-"));
let vendor: AgentVendor;
let gateway: Constellation;
let key: string;

beforeAll(async () => {
  vendor = await startAgentVendor();
  const resources = agentGateway(vendor.url, join(folder, "key"));
  gateway = await startConstellation({ resources: () => resources });
  key = await gateway.issueKey("projects/test/virtualKeys/agents");
});

afterAll(async () => {
  await gateway?.close();
  vendor?.close();
  rmSync(folder, { recursive: true });
});

beforeEach(() => {
  vendor.calls.length = 0;
});

const paths: Record<string, string> = {
  "anthropic-messages": "/v1/messages?beta=true",
  "openai-responses": "/v1/responses",
};

async function ask({ format, headers }: AgentTurn, body: object): Promise<[number, string]> {
  const response = await fetch(gateway.httpUrl + (paths[format.name] ?? ""), {
    method: "POST",
    headers: {
      authorization: `Bearer ${key}`,
      "content-type": "application/json",
      ...headers,
    },
    body: JSON.stringify(body),
  });
  return [response.status, await response.text()];
}

const targets = ["anthropic", "responses", "chat"];

describe.each(agentTurns)("$name", (turn) => {
  it.each(targets)("is answered by a target of %s, and by its fallback", async (target) => {
    for (const model of [target, `failover-${target}`]) {
      const [status, text] = await ask(turn, { ...turn.body, model });
      expect([status, text]).toEqual([200, expect.stringContaining("The tool said: ")]);
      const last = turn.format.name === "openai-responses" ? "response.completed" : "message_stop";
      expect(text).toContain(`"type":"${last}"`);
    }
    // The session stays with the target that has served it.
    const models = vendor.calls.map(({ body }) => body["model"]);
    expect([models.at(0), models.at(-1)]).toEqual([`vendor-${target}`, `vendor-${target}`]);
  });

  it("reaches a target of its own format as it was written, with its headers", async () => {
    const own = turn.format.name === "openai-responses" ? "responses" : "anthropic";
    await ask(turn, { ...turn.body, model: own });
    const [call] = vendor.calls;
    expect(call?.body).toEqual({ ...turn.body, model: `vendor-${own}` });
    const { "anthropic-beta": beta } = turn.headers;
    if (beta !== undefined) expect(call?.headers["anthropic-beta"]).toBe(beta);
  });
});

describe("a tool of Codex's", () => {
  const said = (text: string) => [
    { type: "message", role: "user", content: [{ type: "input_text", text }] },
  ];
  const cases: readonly [string, string, string, object][] = [
    [
      "a function of a namespace",
      "multi_agent_v1__wait_agent",
      '{"targets":["a"]}',
      { type: "function_call", name: "wait_agent", namespace: "multi_agent_v1" },
    ],
    [
      "a text",
      "apply_patch",
      '{"input":"*** Begin Patch"}',
      { type: "custom_tool_call", name: "apply_patch", input: "*** Begin Patch" },
    ],
    [
      "a search",
      "tool_search",
      '{"query":"q"}',
      { type: "tool_search_call", execution: "client", arguments: { query: "q" } },
    ],
  ];
  const codex = agentTurns.filter(({ format }) => format.name === "openai-responses");
  const tools = codex
    .flatMap(({ body }) => (body["tools"] as unknown[] | undefined) ?? [])
    .slice(1);
  const unique = tools.filter((tool, at) => tools.findIndex((one) => sameName(one, tool)) === at);

  it.each(cases)("%s, is called in its own words", async (_what, name, given, item) => {
    const [turn] = codex;
    for (const model of ["chat", "anthropic"]) {
      const input = said(`[[call ${name} ${given}]]`);
      const [status, text] = await ask(turn!, { ...turn!.body, tools: unique, input, model });
      expect(status).toBe(200);
      const events = [...text.matchAll(/^data: (.*)$/gm)].map(
        ([, data]) => JSON.parse(data ?? "") as { type: string; item?: object },
      );
      const done = events.find(({ type }) => type === "response.output_item.done");
      expect(done?.item).toMatchObject(item);
    }
  });
});

function sameName(one: unknown, other: unknown): boolean {
  const { type, name } = one as { type: string; name?: string };
  const { type: otherType, name: otherName } = other as { type: string; name?: string };
  return type === otherType && name === otherName;
}

it("Claude Code's question for tokens is counted by a target that has other words", async () => {
  const turn = agentTurns.find(({ body }) => JSON.stringify(body).includes("tool_reference"));
  const { model: _model, messages, tools } = turn?.body ?? {};
  const response = await fetch(`${gateway.httpUrl}/v1/messages/count_tokens?beta=true`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "responses", messages, tools }),
  });
  expect(await response.json()).toMatchObject({ input_tokens: countedTokens });
  expect(response.headers.get("x-penstock-token-source")).toBe("reported");
  expect(JSON.stringify(vendor.calls.at(-1)?.body)).toContain("WebFetch can be called now");
});

describe("a conversation that has become too long", () => {
  const [claude] = agentTurns;
  const codex = agentTurns.find(({ format }) => format.name === "openai-responses");

  it.each(targets)("is known as that by both, before a target of %s", async (target) => {
    const model = `too-long-${target}`;
    const [status, text] = await ask(claude!, { ...claude!.body, model });
    expect([status, text]).toEqual([400, expect.stringContaining("prompt is too long")]);
    const [otherStatus, otherText] = await ask(codex!, { ...codex!.body, model });
    expect([otherStatus, otherText]).toEqual([
      400,
      expect.stringContaining('"code":"context_length_exceeded"'),
    ]);
  });
});
