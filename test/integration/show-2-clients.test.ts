import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { create, BlockKind, MessageRole, ToolSchema } from "@penstock/client";
import { startConstellation } from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectedAnswer } from "./src/expected-answer.ts";
import type { Turn } from "./src/expected-answer.ts";
import { prices, testGateway } from "./src/test-gateway.ts";

const run = promisify(execFile);
const buf = join(import.meta.dirname, "../../node_modules/.bin/buf");
const curlFlags = ["curl", "--http2-prior-knowledge", "--protocol", "grpc", "--verbose"];

let gateway: Constellation;
let key: string;
let openai: OpenAI;

beforeAll(async () => {
  gateway = await startConstellation({ resources: testGateway });
  key = await gateway.issueKey("projects/test/virtualKeys/clients");
  openai = new OpenAI({ baseURL: `${gateway.httpUrl}/v1`, apiKey: key, maxRetries: 0 });
});
afterAll(() => gateway.close());

const turns: readonly Turn[] = [
  { role: "system", text: "You are brief." },
  { role: "user", text: "How deep is the\u00a0penstock — in metres? 🌊" },
];
const messages = turns.map(({ role, text }) => ({ role, content: text })) as never;
const answer = expectedAnswer("alpha-large", turns);
const weather = {
  type: "function" as const,
  function: {
    name: "weather",
    parameters: { type: "object", properties: { place: { type: "string" } } },
  },
};

function costUsd(inputTokens: number, outputTokens: number): string {
  const nano =
    BigInt(inputTokens) * prices.alpha.input + BigInt(outputTokens) * prices.alpha.output;
  return (Number(nano) / 1e9).toFixed(9).replace(/\.?0+$/, "");
}

/** Headers (or trailers) of an answer say what the vendor's log says. */
function checkAgainstCallLog(headers: Headers, outputTokens: number): void {
  const requestId = headers.get("x-request-id") ?? "";
  expect(requestId).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  const calls = gateway.simulator.calls.list(requestId);
  expect(calls).toMatchObject([
    {
      vendor: "alpha",
      model: "alpha-large+delay-0",
      requestId: `${requestId}.1`,
      messageSha256: answer.sha256,
      inputTokens: answer.inputTokens,
      reportedOutputTokens: outputTokens,
      status: 200,
    },
  ]);
  expect(Object.fromEntries(headers)).toMatchObject({
    "x-penstock-trace-id": expect.stringMatching(/^[0-9a-f]{32}$/),
    "x-penstock-provider": "providers/alpha",
    "x-penstock-deployment": "deployments/alpha",
    "x-penstock-model": "alpha-large",
    "x-penstock-attempts": "1",
    "x-penstock-revision": expect.stringMatching(/^[1-9][0-9]*$/),
  });
}

describe("the official openai client", () => {
  it("chats", async () => {
    const call = openai.chat.completions.create({ model: "smart", messages });
    const { data, response } = await call.withResponse();
    expect(data.choices[0]?.message.content).toBe(answer.text);
    expect(data.choices[0]?.finish_reason).toBe("stop");
    expect(data.model).toBe("smart");
    expect(data.usage).toMatchObject({
      prompt_tokens: answer.inputTokens,
      completion_tokens: answer.textTokens,
      total_tokens: answer.inputTokens + answer.textTokens,
    });
    checkAgainstCallLog(response.headers, answer.textTokens);
    const cost = costUsd(answer.inputTokens, answer.textTokens);
    expect(response.headers.get("x-penstock-cost-usd")).toBe(cost);
  });

  it("streams", async () => {
    const { data: stream, response } = await openai.chat.completions
      .create({ model: "smart", messages, stream: true, stream_options: { include_usage: true } })
      .withResponse();
    let text = "";
    let chunks = 0;
    let usage: OpenAI.CompletionUsage | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      chunks += 1;
      usage = chunk.usage ?? usage;
    }
    expect(text).toBe(answer.text);
    expect(chunks).toBeGreaterThanOrEqual(answer.textTokens);
    expect(usage).toMatchObject({
      prompt_tokens: answer.inputTokens,
      completion_tokens: answer.textTokens,
    });
    checkAgainstCallLog(response.headers, answer.textTokens);
  });

  it.each([false, true])("calls a tool and tells its result (stream: %s)", async (stream) => {
    const asked = { model: "smart", messages, tools: [weather] };
    const message = stream
      ? await openai.chat.completions.stream(asked).finalMessage()
      : (await openai.chat.completions.create(asked)).choices[0]?.message;
    const call = message?.tool_calls?.[0];
    if (message === undefined || call?.type !== "function") throw new Error("no tool was called");
    expect(call.function).toMatchObject({ name: "weather", arguments: answer.toolArguments });
    const told = [message, { role: "tool", tool_call_id: call.id, content: "17 m" }];
    const second = await openai.chat.completions.create({
      ...asked,
      messages: [...(messages as OpenAI.ChatCompletionMessageParam[]), ...(told as never[])],
    });
    const expected = expectedAnswer("alpha-large", [
      ...turns,
      { role: "assistant", text: `weather ${answer.toolArguments}` },
      { role: "tool", text: "17 m" },
    ]);
    expect(second.choices[0]?.message.content).toBe(expected.text);
    expect(second.usage?.prompt_tokens).toBe(expected.inputTokens);
  });

  it("lists the models of the key", async () => {
    const list = await openai.models.list();
    expect(list.data.map(({ id }) => id)).toEqual(["smart"]);
  });

  it("gets errors of its own classes", async () => {
    const asked = openai.chat.completions.create({ model: "unknown", messages });
    await expect(asked).rejects.toThrow(OpenAI.NotFoundError);
    await expect(asked).rejects.toMatchObject({ status: 404, code: "MODEL_NOT_FOUND" });
  });
});

const roles = { system: MessageRole.SYSTEM, user: MessageRole.USER } as const;
const request = {
  model: "smart",
  messages: turns.map(({ role, text }) => ({
    role: roles[role as keyof typeof roles],
    parts: [{ part: { case: "text" as const, value: { text } } }],
  })),
};
const tools = [create(ToolSchema, { name: "weather" })];

describe("packages/client", () => {
  it("chats", async () => {
    const { response, trailers } = await gateway.grpcClient(key).generate(request);
    const [part] = response.candidates[0]?.parts ?? [];
    expect(part?.part).toMatchObject({ case: "text", value: { text: answer.text } });
    expect(response.finished?.usage).toMatchObject({
      inputTokens: BigInt(answer.inputTokens),
      outputTokens: BigInt(answer.textTokens),
    });
    checkAgainstCallLog(trailers, answer.textTokens);
    expect(trailers.get("x-penstock-cost-usd")).toBe(
      costUsd(answer.inputTokens, answer.textTokens),
    );
  });

  it("streams", async () => {
    const stream = gateway.grpcClient(key).streamGenerate(request);
    const cases: unknown[] = [];
    let text = "";
    for await (const event of stream) {
      if (cases.at(-1) !== event.case) cases.push(event.case);
      if (event.case === "blockDelta" && event.value.delta.case === "text") {
        text += event.value.delta.value;
      }
    }
    expect(text).toBe(answer.text);
    expect(cases).toEqual(["started", "blockStarted", "blockDelta", "blockEnded", "finished"]);
    checkAgainstCallLog(await stream.trailers, answer.textTokens);
    const early = (await stream.headers).get("x-request-id");
    expect(early).toBe((await stream.trailers).get("x-request-id"));
  });

  it("calls a tool", async () => {
    const { response, trailers } = await gateway.grpcClient(key).generate({ ...request, tools });
    const [part] = response.candidates[0]?.parts ?? [];
    expect(part?.part).toMatchObject({
      case: "toolCall",
      value: { name: "weather", argumentsJson: answer.toolArguments },
    });
    checkAgainstCallLog(trailers, answer.toolTokens);
    let text = "";
    for await (const event of gateway.grpcClient(key).streamGenerate({ ...request, tools })) {
      if (event.case === "blockStarted") expect(event.value.kind).toBe(BlockKind.TOOL_CALL);
      if (event.case === "blockDelta" && event.value.delta.case === "argumentsJson") {
        text += event.value.delta.value;
      }
    }
    expect(text).toBe(answer.toolArguments);
  });
});

describe("buf curl, by reflection", () => {
  async function curl(method: string, body: unknown): Promise<{ out: string; log: string }> {
    const url = `http://${gateway.grpcAddress}/penstock.inference.v1.InferenceService/${method}`;
    const header = ["--header", `authorization: Bearer ${key}`];
    const asked = [...curlFlags, ...header, "--data", JSON.stringify(body), url];
    const { stdout, stderr } = await run(buf, asked);
    return { out: stdout, log: stderr };
  }
  const asked = {
    model: "smart",
    messages: turns.map(({ role, text }) => ({
      role: `MESSAGE_ROLE_${role.toUpperCase()}`,
      parts: [{ text: { text } }],
    })),
  };

  it("chats, and its trailers say what the vendor's log says", async () => {
    const { out, log } = await curl("Generate", asked);
    expect(JSON.parse(out)).toMatchObject({
      candidates: [{ parts: [{ text: { text: answer.text } }] }],
      finished: { usage: { inputTokens: String(answer.inputTokens), outputTokens: "24" } },
    });
    const trailers = [...log.matchAll(/< \(#\d+\) (x-[a-z-]+): (\S+)/gi)];
    checkAgainstCallLog(
      new Headers(Object.fromEntries(trailers.map(([, name, value]) => [name, value]))),
      answer.textTokens,
    );
  });

  it("streams", async () => {
    const { out } = await curl("StreamGenerate", { request: asked });
    const events = JSON.parse(`[${out.trim().replaceAll(/}\s*\n{/g, "},{")}]`) as {
      blockDelta?: { text?: string };
    }[];
    expect(events.map((event) => event.blockDelta?.text ?? "").join("")).toBe(answer.text);
    expect(events.at(-1)).toHaveProperty("finished");
  });

  it("calls a tool", async () => {
    const { out } = await curl("Generate", { ...asked, tools: [{ name: "weather" }] });
    expect(JSON.parse(out)).toMatchObject({
      candidates: [{ parts: [{ toolCall: { argumentsJson: answer.toolArguments } }] }],
    });
  });
});
