import { createServer } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { openaiResponses } from "@penstock/formats";
import { documentedResponses } from "@penstock/formats/testing";
import {
  deploymentManifest,
  projectManifest,
  providerManifest,
  routeManifest,
  startConstellation,
} from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

// A vendor of the Responses API that answers by documented streams, seen by agents as if no gateway
// stood between.

const { codexRequest, streams } = documentedResponses;

interface VendorEvent {
  readonly type: string;
}

const got: Record<string, unknown>[] = [];
let gotHeaders: IncomingHttpHeaders = {};
let answer: readonly VendorEvent[] = [];

const vendor = createServer((request, response) => {
  void readText(request).then((text) => {
    got.push(JSON.parse(text) as Record<string, unknown>);
    gotHeaders = request.headers;
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(sse(answer));
  });
});

const sse = (events: readonly VendorEvent[]): string =>
  events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

let gateway: Constellation;
let key: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => vendor.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(vendor.address() as AddressInfo).port}/v1`;
  const deployment = deploymentManifest("codex", "vendor", "upstream-codex");
  gateway = await startConstellation({
    resources: () =>
      [
        projectManifest("test"),
        providerManifest("vendor", url, { inputUsd: "1", outputUsd: "2" }),
        deployment.replace("---\n", "format: openai-responses\n---\n"),
        routeManifest("gpt-5-codex", ["codex"]),
        deploymentManifest("chat", "vendor", "upstream-chat"),
        routeManifest("chat", ["chat"]),
      ].join(""),
  });
  key = await gateway.issueKey("projects/test/virtualKeys/codex");
});

afterAll(async () => {
  await gateway.close();
  vendor.close();
});

beforeEach(() => {
  got.length = 0;
});

function post(body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${gateway.httpUrl}/v1/responses`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

const requestIds = new Map<string, string | undefined>();

describe("an agent that asks as Codex does", () => {
  it.each(streams.filter(({ fails }) => fails === undefined))(
    "gets what the vendor wrote, but for the model: $name",
    async ({ stream, usage }) => {
      answer = stream;
      const response = await post(codexRequest);
      const text = await response.text();
      expect(got).toEqual([{ ...codexRequest, model: "upstream-codex" }]);
      expect(text).toBe(sse(stream).replaceAll("gpt-4.1-2025-04-14", "gpt-5-codex"));
      expect(response.headers.get("x-penstock-model")).toBe("gpt-4.1-2025-04-14");
      requestIds.set(response.headers.get("x-request-id") ?? "", usage?.outputTokens);
    },
  );

  it("pays for what the vendor counted", async () => {
    const [[last, outputTokens] = ["", ""]] = [...requestIds].slice(-1);
    const { record } = await gateway.request(last);
    expect(String(record?.event?.usage?.outputTokens)).toBe(outputTokens);
  });

  it("may name its tools among the items, and its session in a header", async () => {
    answer = streams[0]!.stream;
    // As Codex 0.169.0 asks models of its newer kind, texts made up.
    const { tools, ...rest } = codexRequest;
    const namespaces = [{ type: "namespace", name: "functions", description: "", tools }];
    const first = { type: "additional_tools", id: "at_1", role: "developer", tools: namespaces };
    const body = { ...rest, input: [first, ...codexRequest.input], client_metadata: { turn: "1" } };
    const response = await post(body, {
      "session-id": "session-8",
      "x-codex-beta-features": "remote_compaction_v2",
      "x-codex-turn-metadata": "stays",
      "x-openai-internal-codex-responses-lite": "true",
    });
    await response.text();
    expect(got).toEqual([{ ...body, model: "upstream-codex" }]);
    expect(gotHeaders).toMatchObject({
      "x-codex-beta-features": "remote_compaction_v2",
      "x-openai-internal-codex-responses-lite": "true",
    });
    expect(gotHeaders["x-codex-turn-metadata"]).toBeUndefined();
    const { record } = await gateway.request(response.headers.get("x-request-id") ?? "");
    expect(record?.event?.session).toBe("session-8");
  });

  it("may say to Penstock what it wishes; then its body is written anew, and says the same", async () => {
    answer = streams[0]!.stream;
    const response = await post({ ...codexRequest, penstock: { labels: { team: "a" } } });
    await response.text();
    const [{ input, ...rest }] = got as [Record<string, unknown>];
    const { input: asked, ...expected } = codexRequest;
    expect(rest).toEqual({ ...expected, model: "upstream-codex" });
    expect((input as unknown[]).length).toBe(asked.length);
  });

  it("is told which of its tools another format has no words for", async () => {
    const tools = [...codexRequest.tools, { type: "file_search", vector_store_ids: ["vs_1"] }];
    const response = await post({ ...codexRequest, tools, model: "chat" });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: "UNSUPPORTED_FIELD" } });
    expect(got).toEqual([]);
  });

  it.each(streams.filter(({ fails, events }) => fails !== undefined && events.length > 0))(
    "is told of an answer that broke: $name",
    async ({ stream }) => {
      answer = stream;
      const response = await post(codexRequest);
      const text = await response.text();
      expect(response.status).toBe(200);
      const types = [...text.matchAll(/^event: (.*)$/gm)].map(([, type]) => type);
      expect(types.slice(-2)).toEqual(["error", "response.failed"]);
      expect(types).not.toContain("response.completed");
    },
  );

  it("gets an error of its own status before any content", async () => {
    const { stream } = streams.find(({ name }) => name === "failed before content")!;
    answer = stream;
    const response = await post(codexRequest);
    expect(response.status).toBe(429);
    expect(await response.json()).toMatchObject({ error: { code: "UPSTREAM_RATE_LIMITED" } });
    // What the vendor says that it used is used.
    const { record } = await gateway.request(response.headers.get("x-request-id") ?? "");
    expect(record?.event?.attempts[0]?.usage?.inputTokens).toBe(5n);
  });
});

describe("the body that the official client writes", () => {
  const message = (role: "user" | "developer", text: string) => ({
    type: "message" as const,
    role,
    content: text,
  });
  const schema = { type: "object", properties: {}, required: [], additionalProperties: false };
  const bodies: readonly [string, OpenAI.Responses.ResponseCreateParamsNonStreaming][] = [
    ["a question", { model: "m", store: false, input: [message("user", "hi")] }],
    [
      "everything that has a place",
      {
        model: "m",
        store: false,
        instructions: "be brief",
        input: [
          message("developer", "in metres"),
          {
            type: "message",
            role: "user",
            content: [
              { type: "input_text", text: "what is it?" },
              { type: "input_image", detail: "low", image_url: "https://example.com/a.png" },
              { type: "input_file", file_id: "file-1" },
            ],
          },
          { type: "function_call", call_id: "c", name: "f", arguments: "{}" },
          { type: "function_call_output", call_id: "c", output: "1" },
        ],
        tools: [
          { type: "function", name: "f", description: "d", parameters: schema, strict: true },
          { type: "web_search" },
        ],
        tool_choice: { type: "function", name: "f" },
        parallel_tool_calls: false,
        max_output_tokens: 100,
        temperature: 0.5,
        top_p: 0.9,
        top_logprobs: 2,
        include: ["reasoning.encrypted_content", "message.output_text.logprobs"],
        reasoning: { effort: "low", summary: "auto" },
        text: {
          verbosity: "low",
          format: { type: "json_schema", name: "n", schema, strict: true },
        },
        metadata: { app: "demo" },
        service_tier: "flex",
        prompt_cache_key: "k",
        safety_identifier: "s",
        truncation: "auto",
      },
    ],
  ];

  it.each(bodies)("is what Penstock writes upstream: %s", async (_name, params) => {
    let captured = "";
    const client = new OpenAI({
      apiKey: "k",
      maxRetries: 0,
      fetch: (_url, init) => {
        captured = String(init?.body);
        return Promise.resolve(Response.json({ id: "resp_1", output: [] }));
      },
    });
    await client.responses.create(params);
    const { request } = openaiResponses.readRequest(Buffer.from(captured));
    const target = { model: "m", stream: false, quirks };
    const written: unknown = JSON.parse(openaiResponses.writeRequest(request, target));
    expect(written).toEqual(JSON.parse(captured));
  });
});

const quirks = {
  maxTokensField: "max_completion_tokens",
  sendsDeveloperRole: true,
  supportsStreamUsage: true,
} as const;
