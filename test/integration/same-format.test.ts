import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import {
  deploymentManifest,
  projectManifest,
  providerManifest,
  routeManifest,
  startConstellation,
} from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

/** What the vendor got, and what it answers next, the last one again and again. */
const got: Record<string, unknown>[] = [];
let answers: string[] = [];

const vendor = createServer((request, response) => {
  void readText(request).then((text) => {
    got.push(JSON.parse(text) as Record<string, unknown>);
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    const kind = answer?.startsWith("data:") === true ? "text/event-stream" : "application/json";
    response.writeHead(200, { "content-type": kind }).end(answer);
  });
});

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

const answer = {
  id: "chatcmpl-7",
  object: "chat.completion",
  model: "vendor-model-2026",
  service_tier: "scale",
  choices: [
    {
      index: 0,
      message: { role: "assistant", content: "“grüß dich” \u{1f44b}", mood: ["kind"] },
      finish_reason: "stop",
      logprobs: { content: [] },
    },
  ],
  usage: { prompt_tokens: 11, completion_tokens: 5, total_tokens: 16, queue_time: 0.25 },
};
const chat = {
  x_first: { deep: [1, "ü"] },
  model: "relayed",
  messages: [{ role: "user", content: "hi", x_mark: true }],
  x_last: 1.5,
};

let gateway: Constellation;
let key: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => vendor.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(vendor.address() as AddressInfo).port}/v1`;
  gateway = await startConstellation({
    resources: () =>
      [
        projectManifest("test"),
        providerManifest("vendor", url, { inputUsd: "1", outputUsd: "2" }),
        deploymentManifest("first", "vendor", "upstream-name"),
        deploymentManifest("second", "vendor", "upstream-other"),
        routeManifest("relayed", ["first", "second"]),
      ].join(""),
  });
  key = await gateway.issueKey("projects/test/virtualKeys/relay");
});

afterAll(async () => {
  await gateway.close();
  vendor.close();
});

beforeEach(() => {
  got.length = 0;
});

async function ask(body: unknown): Promise<{ response: Response; text: string }> {
  const response = await fetch(`${gateway.httpUrl}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { response, text: await response.text() };
}

describe("a provider that speaks the caller's format", () => {
  it("gets what the caller wrote, and the caller what it answered, but for the model", async () => {
    answers = [JSON.stringify(answer, null, 1)];
    const { response, text } = await ask(chat);
    expect(got).toEqual([{ ...chat, model: "upstream-name" }]);
    expect(text).toBe(JSON.stringify({ ...answer, model: "relayed" }, null, 1));
    expect(Number(response.headers.get("content-length"))).toBe(Buffer.byteLength(text));
    expect(response.headers.get("x-penstock-model")).toBe("vendor-model-2026");
    // 11 × 1,000 + 5 × 2,000 nano-USD.
    expect(response.headers.get("x-penstock-cost-usd")).toBe("0.000021");
    const { record } = await gateway.request(response.headers.get("x-request-id") ?? "");
    expect(record?.event?.finishReasons).toEqual(["stop"]);
    expect(record?.event?.usage?.outputTokens).toBe(5n);
  });

  it("is asked again when its answer is cut, although the status said 200", async () => {
    const text = JSON.stringify(answer);
    answers = [text.slice(0, -20), text];
    const { response, text: relayed } = await ask(chat);
    expect(response.status).toBe(200);
    expect(response.headers.get("x-penstock-attempts")).toBe("2");
    expect(JSON.parse(relayed)).toEqual({ ...answer, model: "relayed" });
    expect(got).toHaveLength(2);
  });

  it("is left for the next one when its answer is an error of status 200", async () => {
    answers = [JSON.stringify({ error: { message: "no", type: "server_error" } })];
    answers.push(JSON.stringify(answer));
    const { response } = await ask(chat);
    expect(response.headers.get("x-penstock-attempts")).toBe("2");
  });

  it("still gets a body that Penstock writes where the caller speaks to Penstock in it", async () => {
    answers = [JSON.stringify(answer)];
    const { response } = await ask({ ...chat, penstock: { labels: { team: "x" } } });
    expect(response.status).toBe(200);
    expect(got[0]).not.toHaveProperty("penstock");
    expect(got[0]).toMatchObject({ x_last: 1.5, model: "upstream-name" });
  });
});

describe("a stream of a provider that speaks the caller's format", () => {
  const about = { id: "chatcmpl-8", object: "chat.completion.chunk", created: 1_700_000_000 };
  const chunk = (delta: object, finish_reason: string | null = null) => ({
    ...about,
    model: "vendor-model-2026",
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
    x_own: { deep: [1.0, "ü"] },
  });
  const pieces = ["“grüß", " dich”", " \u{1f44b}", '\n"!"'];
  const chunks = [
    chunk({ role: "assistant", content: "", mood: "kind" }),
    ...pieces.map((content) => chunk({ content })),
    chunk({}, "stop"),
  ];
  const last = { ...about, model: "vendor-model-2026", choices: [], usage: answer.usage };
  const write = (all: readonly object[]): string =>
    [...all.map((one) => JSON.stringify(one)), "[DONE]"]
      .map((data) => `data: ${data}\n\n`)
      .join("");
  const named = (text: string): string => text.replaceAll('"vendor-model-2026"', '"relayed"');

  it("arrives as it was sent, but for the model, without the usage that nobody asked for", async () => {
    answers = [write([...chunks, last])];
    const { response, text } = await ask({ ...chat, stream: true });
    expect(got[0]).toEqual({
      ...chat,
      model: "upstream-name",
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(text).toBe(named(write(chunks)));
    const { record } = await gateway.request(response.headers.get("x-request-id") ?? "");
    expect(record?.event?.finishReasons).toEqual(["stop"]);
    expect(record?.event?.usage?.outputTokens).toBe(5n);
    expect(record?.event?.costNanoUsd).toBe(21_000n);
  });

  it("tells the usage to who asked for it, the provider's or what was counted instead", async () => {
    const asked = { ...chat, stream: true, stream_options: { include_usage: true } };
    answers = [write([...chunks, last])];
    expect((await ask(asked)).text).toBe(named(write([...chunks, last])));
    answers = [write(chunks)];
    const { text } = await ask(asked);
    expect(text.startsWith(named(write(chunks)).replace("data: [DONE]\n\n", ""))).toBe(true);
    const [counted, end] = text.split("\n\n").slice(-3);
    expect(end).toBe("data: [DONE]");
    expect(JSON.parse(counted?.slice("data: ".length) ?? "")).toMatchObject({
      ...about,
      model: "relayed",
      usage: { completion_tokens: expect.any(Number) as number },
    });
  });

  it("is asked of the next one while there is no content, and ends in an error after that", async () => {
    const error = { error: { message: "no", type: "server_error" } };
    answers = [write([...chunks.slice(0, 1), error]), write(chunks)];
    const { response, text } = await ask({ ...chat, stream: true });
    expect(response.headers.get("x-penstock-attempts")).toBe("2");
    expect(text).toBe(named(write(chunks)));
    answers = [write([...chunks.slice(0, 3), error])];
    const broken = await ask({ ...chat, stream: true });
    expect(
      broken.text.startsWith(named(write(chunks.slice(0, 3)).replace("data: [DONE]\n\n", ""))),
    ).toBe(true);
    expect(broken.text).not.toContain("[DONE]");
    expect(broken.text).toContain('"error":');
  });
});
