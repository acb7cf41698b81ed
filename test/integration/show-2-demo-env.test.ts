import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { fromJsonString } from "@bufbuild/protobuf";
import { GetRequestResponseSchema } from "@penstock/api";
import Anthropic from "@anthropic-ai/sdk";
import { createPenstockClient, MessageRole } from "@penstock/client";
import type { SimulatedCall } from "@penstock/simulator";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectedAnswer } from "./src/expected-answer.ts";
import { startPenstock } from "./src/penstock-process.ts";
import type { PenstockProcess } from "./src/penstock-process.ts";
import { runPenstock } from "./src/run-penstock.ts";

// `penstock start` in a process of its own, and callers who know nothing but its demo.env.

const startTimeoutMs = 70_000;
const dataDir = mkdtempSync(join(tmpdir(), "penstock-demo-env-"));
const prompt = "What does demo.env hold?";
let penstock: PenstockProcess;
let environment: Record<string, string | undefined>;
let openai: OpenAI;

beforeAll(async () => {
  penstock = await startPenstock(dataDir);
  environment = parseEnv(readFileSync(join(dataDir, "demo.env"), "utf8"));
  openai = new OpenAI({
    baseURL: environment["OPENAI_BASE_URL"],
    apiKey: environment["OPENAI_API_KEY"],
    maxRetries: 0,
  });
}, startTimeoutMs);
afterAll(async () => {
  await penstock.kill();
  rmSync(dataDir, { recursive: true, force: true, maxRetries: 3 });
});

async function callsOf(requestId: string): Promise<SimulatedCall[]> {
  const url = `${environment["PENSTOCK_SIMULATOR_URL"]}/calls?request_id=${requestId}.`;
  return ((await (await fetch(url)).json()) as { calls: SimulatedCall[] }).calls;
}

describe("with demo.env and nothing else", () => {
  it.each([
    ["smart", "alpha-large", 1],
    ["flaky", "beta-large", 2],
  ])("the official client gets an answer of %s from %s", async (model, vendor, attempts) => {
    const messages = [{ role: "user" as const, content: prompt }];
    const call = openai.chat.completions.create({ model, messages });
    const { data, response } = await call.withResponse();
    const answer = expectedAnswer(vendor, [{ role: "user", text: prompt }]);
    expect(data.choices[0]?.message.content).toBe(answer.text);
    expect(data.usage).toMatchObject({
      prompt_tokens: answer.inputTokens,
      completion_tokens: answer.textTokens,
    });
    expect(response.headers.get("x-penstock-attempts")).toBe(String(attempts));
    const requestId = response.headers.get("x-request-id") ?? "";
    const calls = await callsOf(requestId);
    expect(calls).toHaveLength(attempts);
    expect(calls.at(-1)).toMatchObject({ messageSha256: answer.sha256, status: 200 });

    const why = await runPenstock(["why", requestId, "-o", "json"], penstock);
    expect(why.exitCode, why.stderr).toBe(0);
    const { record, verdict } = fromJsonString(GetRequestResponseSchema, why.stdout);
    const told = record?.event?.attempts.map(({ number }) => `${requestId}.${number}`);
    expect(told).toEqual(calls.map((one) => one.requestId));
    expect(verdict?.sentence).toContain(record?.event?.attempts.at(-1)?.provider);
  });

  it("the official client of Anthropic does, from its own variables", async () => {
    // What Claude Code reads, too: an address without a path, and a bearer token.
    const anthropic = new Anthropic({
      baseURL: environment["ANTHROPIC_BASE_URL"],
      authToken: environment["ANTHROPIC_AUTH_TOKEN"],
      apiKey: null,
      maxRetries: 0,
    });
    const messages = [{ role: "user" as const, content: prompt }];
    const { content } = await anthropic.messages.create({
      model: "smart",
      max_tokens: 100,
      messages,
    });
    const answer = expectedAnswer("alpha-large", [{ role: "user", text: prompt }]);
    expect(content).toMatchObject([{ type: "text", text: answer.text }]);
  });

  it("our own client does", async () => {
    const client = createPenstockClient({
      address: environment["PENSTOCK_GRPC_ADDRESS"] ?? "",
      virtualKey: environment["OPENAI_API_KEY"] ?? "",
      timeoutMs: 10_000,
    });
    const text = { case: "text" as const, value: { text: prompt } };
    const { response } = await client.generate({
      model: "smart",
      messages: [{ role: MessageRole.USER, parts: [{ part: text }] }],
    });
    const [part] = response.candidates[0]?.parts ?? [];
    const answer = expectedAnswer("alpha-large", [{ role: "user", text: prompt }]);
    expect(part?.part).toMatchObject({ value: { text: answer.text } });
    client.close();
  });
});
