import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serverLane, startConstellation } from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it } from "vitest";
import { agentGateway } from "./src/agent-gateway.ts";
import { startAgentVendor } from "./src/agent-vendor.ts";
import type { AgentVendor } from "./src/agent-vendor.ts";
import { runClaudeCode, runCodex, runOpencode, runReaddressedCodex } from "./src/run-agent.ts";
import type { AgentEnd, AgentPlace } from "./src/run-agent.ts";

// The coding agents themselves, configured by `penstock connect`, before a vendor of this machine.

const folder = mkdtempSync(join(tmpdir(), "penstock-agents-"));
let vendor: AgentVendor;
let gateway: Constellation;
let key: string;
let narrowKey: string;

const narrow = `kind: Policy
name: policies/narrow
scope: { virtualKey: projects/test/virtualKeys/narrow }
allowModels: [nothing]
---
`;

beforeAll(async () => {
  vendor = await startAgentVendor();
  const resources = agentGateway(vendor.url, join(folder, "key"));
  gateway = await startConstellation({ resources: () => resources });
  key = await gateway.issueKey("projects/test/virtualKeys/agents");
  narrowKey = await gateway.issueKey("projects/test/virtualKeys/narrow");
  await gateway.apply(narrow);
});

afterAll(async () => {
  await gateway?.close();
  vendor?.close();
  rmSync(folder, { recursive: true });
});

const claude = serverLane("claude-code");
const codex = serverLane("codex");
const opencode = serverLane("opencode");
const targets = ["anthropic", "responses", "chat"];

function place(program: string | undefined, id: string, ofKey = key): AgentPlace {
  return { program: program ?? "", folder: join(folder, id), url: gateway.httpUrl, key: ofKey };
}

/** Models that the vendor was asked for. */
const firstAndLast = (): unknown[] =>
  [vendor.calls.at(0), vendor.calls.at(-1)].map((call) => call?.body["model"]);

/** The last event of a type. */
function last({ events }: AgentEnd, type: string): Record<string, unknown> {
  return events.findLast((event) => event["type"] === type) ?? {};
}

claude.describe("Claude Code", () => {
  const asks = '[[call Bash {"command":"echo penstock-$((40+2))","description":"counts"}]]';

  it.each(targets)("runs a command for a target of %s", async (model) => {
    const end = await runClaudeCode(place(claude.program, "claude"), model, [asks]);
    expect(last(end, "result")).toMatchObject({
      is_error: false,
      num_turns: 2,
      result: expect.stringContaining("The tool said: penstock-42"),
    });
  });

  it("goes on with a conversation, and is served when the first target fails", async () => {
    const at = place(claude.program, "claude");
    vendor.calls.length = 0;
    const first = await runClaudeCode(at, "failover-anthropic", ["Remember 4711."]);
    const session = String(last(first, "result")["session_id"]);
    expect(firstAndLast()).toEqual(["vendor-anthropic+500", "vendor-anthropic"]);
    vendor.calls.length = 0;
    const next = await runClaudeCode(at, "failover-anthropic", ["And?", "--resume", session]);
    expect(last(next, "result")).toMatchObject({ is_error: false, result: "Done." });
    expect(JSON.stringify(vendor.calls.at(-1)?.body)).toContain("Remember 4711.");
  });

  it.each(targets)("knows that a conversation is too long for a target of %s", async (target) => {
    const model = `too-long-${target}`;
    const end = await runClaudeCode(place(claude.program, "claude"), model, ["Hello"]);
    expect(last(end, "result")).toMatchObject({
      is_error: true,
      result: expect.stringContaining("Prompt is too long"),
    });
  });

  it("says which policy does not let it", async () => {
    const at = place(claude.program, "claude", narrowKey);
    const end = await runClaudeCode(at, "anthropic", ["Hello"]);
    expect(last(end, "result")).toMatchObject({
      is_error: true,
      result: expect.stringContaining("policies/narrow"),
    });
  });
});

codex.describe("Codex", () => {
  const asks = '[[call exec_command {"cmd":"echo penstock-$((40+2))"}]]';
  const ask = (at: AgentPlace, model: string, ...parameters: string[]) =>
    runCodex(at, model, ["-s", "danger-full-access", ...parameters]);
  const said = ({ events }: AgentEnd): string[] =>
    events.flatMap(({ item }) => {
      const { type, text } = (item ?? {}) as { type?: string; text?: string };
      return type === "agent_message" ? [text ?? ""] : [];
    });

  it.each(targets)("runs a command for a target of %s", async (model) => {
    const end = await ask(place(codex.program, "codex"), model, asks);
    expect(said(end)).toEqual([expect.stringMatching(/^The tool said: [^]*penstock-42/)]);
    expect(last(end, "turn.completed")).toMatchObject({ usage: { output_tokens: 84 } });
  });

  it("goes on with a conversation, and is served when the first target fails", async () => {
    const at = place(codex.program, "codex");
    vendor.calls.length = 0;
    await ask(at, "failover-responses", "Remember 4711.");
    expect(firstAndLast()).toEqual(["vendor-responses+500", "vendor-responses"]);
    vendor.calls.length = 0;
    const next = await runCodex(at, "failover-responses", ["resume", "--last", "And?"]);
    expect(said(next)).toEqual(["Done."]);
    expect(JSON.stringify(vendor.calls.at(-1)?.body)).toContain("Remember 4711.");
  });

  // Which of its tools Codex offers depends on what it knows of the model.
  it.each(["anthropic", "chat"])("edits a file for a target of %s", async (target) => {
    await gateway.apply(`kind: Route
name: routes/known
match: { models: [gpt-5.5] }
strategy: { priority: {} }
targets: [{ deployment: deployments/${target}, priority: 0 }]
`);
    const patch = "*** Begin Patch\n*** Add File: made.txt\n+42\n*** End Patch\n";
    const call = `[[call apply_patch ${JSON.stringify({ input: patch })}]]`;
    const end = await ask(place(codex.program, `codex-${target}`), "gpt-5.5", call);
    expect(said(end)).toEqual([expect.stringMatching(/^The tool said: [^]*A made\.txt/)]);
  });

  it("does without a WebSocket at once where its own provider has this address", async () => {
    const at = place(codex.program, "codex-readdressed");
    const end = await runReaddressedCodex(at, "responses", ["-s", "danger-full-access", asks]);
    expect(said(end)).toEqual([expect.stringContaining("penstock-42")]);
    expect(end.text).not.toContain("Reconnecting");
  });

  it.each(targets)("knows that a conversation is too long for a target of %s", async (target) => {
    const end = await ask(place(codex.program, "codex"), `too-long-${target}`, "Hello");
    expect(last(end, "turn.failed")).toMatchObject({
      error: { message: expect.stringContaining("ran out of room") },
    });
  });

  it("says which policy does not let it", async () => {
    const end = await ask(place(codex.program, "codex", narrowKey), "responses", "Hello");
    expect(last(end, "turn.failed")).toMatchObject({
      error: { message: expect.stringContaining("policies/narrow") },
    });
  });
});

opencode.describe("opencode", () => {
  const asks = '[[call bash {"command":"echo penstock-$((40+2))","description":"counts"}]]';

  it.each([...targets, "failover-chat"])("runs a command for a target of %s", async (model) => {
    const end = await runOpencode(place(opencode.program, "opencode"), model, asks);
    expect(end.text).toContain("The tool said: penstock-42");
  });
});
