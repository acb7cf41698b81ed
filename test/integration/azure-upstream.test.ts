import {
  projectManifest,
  routeManifest,
  sendHttp,
  startConstellation,
} from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { askChat } from "./src/chat-caller.ts";
import { json, startScriptedUpstream } from "./src/scripted-upstream.ts";
import type { Scene, ScriptedUpstream } from "./src/scripted-upstream.ts";

const question = { model: "gpt", messages: [{ role: "user", content: "Hi" }] };
const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
const safe = { hate: { filtered: false, severity: "safe" } };
const prompts = [{ prompt_index: 0, content_filter_results: safe }];

function answered(message: object, finish_reason = "stop"): Scene {
  const choice = { index: 0, message: { role: "assistant", ...message }, finish_reason };
  return json(
    200,
    {
      id: "chatcmpl-9",
      object: "chat.completion",
      model: "gpt-4o-2024-08-06",
      prompt_filter_results: prompts,
      choices: [{ ...choice, content_filter_results: safe }],
      usage,
    },
    { "apim-request-id": "azure-1" },
  );
}

/** Azure begins with a chunk without a choice, which says how the prompt was judged. */
const first = { id: "", object: "", model: "", choices: [], prompt_filter_results: prompts };
const chunk = (delta: object, finish_reason: string | null = null): object => ({
  id: "chatcmpl-9",
  object: "chat.completion.chunk",
  model: "gpt-4o-2024-08-06",
  choices: [{ index: 0, delta, finish_reason, content_filter_results: safe }],
});
const last = { ...chunk({}), choices: [], usage };

function streamed(chunks: readonly object[], end: "done" | "cut" | "open" = "done"): Scene {
  return (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const one of chunks) response.write(`data: ${JSON.stringify(one)}\n\n`);
    if (end === "done") response.end("data: [DONE]\n\n");
    else if (end === "cut") response.end();
  };
}

let upstream: ScriptedUpstream;
let gateway: Constellation;
let key: string;

beforeAll(async () => {
  upstream = await startScriptedUpstream();
  const provider = (id: string, path: string, more = ""): string => `kind: Provider
name: providers/${id}
providerKind: azure-openai
baseUrl: ${upstream.origin}${path}
credential: env:TEST_AZURE_KEY
privateNetwork: true
${more}---
`;
  const deployment = (id: string, of: string, model: string): string => `kind: Deployment
name: deployments/${id}
provider: providers/${of}
model: ${model}
---
`;
  gateway = await startConstellation({
    environment: { TEST_AZURE_KEY: "azure-key" },
    resources: () =>
      [
        projectManifest("test"),
        provider("classic", "", "apiVersion: 2025-04-01-preview\n"),
        provider("unversioned", "/openai/v1"),
        // What fails is left alone for a while, so that each such test has targets of its own.
        ...["gpt", "limited", "within", "missing", "broken"].flatMap((name) => [
          deployment(`${name}-first`, "classic", "my gpt"),
          deployment(`${name}-second`, "unversioned", "other-gpt"),
          routeManifest(name, [`${name}-first`, `${name}-second`]),
        ]),
      ].join(""),
  });
  key = await gateway.issueKey("projects/test/virtualKeys/azure");
});

afterAll(async () => {
  await gateway.close();
  upstream.close();
});

const recordOf = async (headers: Headers) =>
  (await gateway.request(headers.get("x-request-id") ?? "")).record?.event;

const classicPath = "/openai/deployments/my%20gpt/chat/completions?api-version=2025-04-01-preview";

describe("Azure OpenAI behind OpenAI's door", () => {
  it("answers at the path of its deployment, asked with its own header", async () => {
    upstream.play(answered({ content: "Hello." }));
    const { status, headers, json: answer } = await askChat(gateway, key, question);
    expect(status).toBe(200);
    expect(answer).toMatchObject({ model: "gpt", choices: [{ message: { content: "Hello." } }] });
    const [call] = upstream.calls;
    expect(call?.path).toBe(classicPath);
    expect(call?.headers["api-key"]).toBe("azure-key");
    expect(call?.headers.authorization).toBeUndefined();
    const event = await recordOf(headers);
    expect(event?.attempts[0]?.providerRequestId).toBe("azure-1");
    expect(event?.usage?.outputTokens).toBe(5n);
  });

  it("streams; the chunk about the prompt is not the answer's beginning", async () => {
    upstream.play(
      streamed([
        first,
        chunk({ role: "assistant" }),
        chunk({ content: "Hi." }),
        chunk({}, "stop"),
        last,
      ]),
    );
    const answer = await askChat(gateway, key, { ...question, stream: true });
    expect([answer.text, answer.done]).toEqual(["Hi.", true]);
    expect(upstream.calls[0]?.body).toMatchObject({ stream_options: { include_usage: true } });
    const within = { error: { code: "429", message: "Please retry after 6 seconds." } };
    upstream.play(
      streamed([first, within]),
      streamed([first, chunk({ content: "from the second" }), chunk({}, "stop"), last]),
    );
    const second = await askChat(gateway, key, { ...question, model: "within", stream: true });
    expect([second.text, second.done]).toEqual(["from the second", true]);
    // The second provider has the API without versions.
    expect(upstream.calls.map(({ path }) => path)).toEqual([
      classicPath,
      "/openai/v1/chat/completions",
    ]);
    expect(upstream.calls[1]?.body).toMatchObject({ model: "other-gpt" });
  });

  it("is asked with images and tools, and calls them", async () => {
    const called = { id: "call_1", type: "function", function: { name: "w", arguments: "{}" } };
    upstream.play(answered({ content: null, tool_calls: [called] }, "tool_calls"));
    const image = { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw==" } };
    const asked = {
      ...question,
      messages: [{ role: "user", content: [{ type: "text", text: "Where?" }, image] }],
      tools: [{ type: "function", function: { name: "w", parameters: { type: "object" } } }],
    };
    const { json: answer } = await askChat(gateway, key, asked);
    expect(upstream.calls[0]?.body).toMatchObject({ messages: asked.messages, tools: asked.tools });
    expect(answer).toMatchObject({
      choices: [{ message: { tool_calls: [called] }, finish_reason: "tool_calls" }],
    });
  });

  it.each([
    [
      "limited",
      json(
        429,
        { error: { code: "429", message: "You have exceeded the call rate limit." } },
        { "retry-after-ms": "60000" },
      ),
      "RATE_LIMITED",
    ],
    [
      "missing",
      json(404, { error: { code: "DeploymentNotFound", message: "It does not exist." } }),
      "MODEL_NOT_FOUND",
    ],
  ])("is left for the next target when it is %s", async (route, scene, outcome) => {
    upstream.play(scene, answered({ content: "from the second" }));
    const answer = await askChat(gateway, key, { ...question, model: route });
    expect(answer.json).toMatchObject({ choices: [{ message: { content: "from the second" } }] });
    const event = await recordOf(answer.headers);
    expect(event?.attempts.map((attempt) => attempt.outcome)).toEqual([outcome, "OK"]);
  });

  it("says that its filter refused the prompt, and nobody else is asked", async () => {
    const innererror = { code: "ResponsibleAIPolicyViolation", content_filter_result: safe };
    const error = { code: "content_filter", message: "Filtered.", status: 400, innererror };
    upstream.play(json(400, { error }));
    const { status, json: answer } = await askChat(gateway, key, question);
    expect([status, answer["error"]]).toMatchObject([400, { code: "CONTENT_FILTERED" }]);
    expect(upstream.calls).toHaveLength(1);
  });

  it("breaks with an error when it is cut behind its first words", async () => {
    upstream.play(streamed([first, chunk({ content: "Hel" })], "cut"));
    const answer = await askChat(gateway, key, { ...question, model: "broken", stream: true });
    expect([answer.text, answer.done]).toEqual(["Hel", false]);
    expect(answer.events.at(-1)).toMatchObject({ error: { code: "STREAM_INTERRUPTED" } });
  });

  it("makes vectors at the path of its deployment", async () => {
    const embedding = Buffer.from(new Float32Array([0.5, -1]).buffer).toString("base64");
    const data = [{ object: "embedding", index: 0, embedding }];
    const counted = { prompt_tokens: 2, total_tokens: 2 };
    const whole = { id: "e-1", object: "list", model: "embed", data, usage: counted };
    upstream.play(json(200, whole));
    const ask = (more: object) =>
      sendHttp({
        url: `${gateway.httpUrl}/v1/embeddings`,
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: JSON.stringify({ model: "gpt", input: "Hi", ...more }),
      });
    const answer = await ask({});
    expect(JSON.parse(answer.body)).toMatchObject({ data: [{ embedding: [0.5, -1] }] });
    expect(upstream.calls[0]?.path).toBe(
      "/openai/deployments/my%20gpt/embeddings?api-version=2025-04-01-preview",
    );
    expect(upstream.calls[0]?.headers["api-key"]).toBe("azure-key");
    // In the encoding that it is sent in, it is passed on as it came.
    upstream.play(json(200, whole));
    const passed = await ask({ encoding_format: "base64" });
    expect(JSON.parse(passed.body)).toEqual({ ...whole, model: "gpt" });
    const name = "x-penstock-deployment";
    expect(passed.headers.get(name)).toBe(answer.headers.get(name));
  });

  it("is let go when the caller goes", async () => {
    upstream.play(streamed([first, chunk({ content: "Hel" })], "open"));
    const abort = new AbortController();
    const response = await fetch(`${gateway.httpUrl}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ ...question, stream: true }),
      signal: abort.signal,
    });
    const reader = response.body?.getReader();
    await reader?.read();
    abort.abort();
    await upstream.calls[0]?.broken;
    await expect(reader?.read()).rejects.toThrow();
  });
});
