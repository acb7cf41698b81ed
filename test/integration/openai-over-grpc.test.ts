import { OpenAI as GrpcOpenAI, APIError, PenstockError } from "@penstock/client";
import type { ChatCompletionChunk } from "@penstock/client";
import {
  deploymentManifest,
  projectManifest,
  providerManifest,
  routeManifest,
  startConstellation,
} from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import { embeddingManifest } from "./src/client-resources.ts";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

// The same requests through the official client over HTTP and through ours over gRPC: one import
// apart, and the answers are the same.

let gateway: Constellation;
let http: OpenAI;
let grpc: GrpcOpenAI;

const resources = (url: string): string =>
  [
    projectManifest("test"),
    providerManifest("alpha", `${url}/alpha/v1`, { inputUsd: "2.50", outputUsd: "10" }),
    deploymentManifest("alpha", "alpha", "alpha-large+delay-0"),
    deploymentManifest("cut", "alpha", "alpha-large+delay-0+cut-after-3"),
    deploymentManifest("slow", "alpha", "alpha-large+delay-200"),
    deploymentManifest("silent", "alpha", "alpha-large+hang"),
    embeddingManifest,
    ...["cut", "slow", "silent", "embed"].map((name) => routeManifest(name, [name])),
    routeManifest("smart", ["alpha"]),
  ].join("");

beforeAll(async () => {
  gateway = await startConstellation({ resources });
  const apiKey = await gateway.issueKey("projects/test/virtualKeys/both");
  http = new OpenAI({ baseURL: `${gateway.httpUrl}/v1`, apiKey, maxRetries: 0 });
  grpc = new GrpcOpenAI({ baseURL: `http://${gateway.grpcAddress}/v1`, apiKey });
});

afterAll(async () => {
  grpc?.close();
  await gateway?.close();
});

const messages = [
  { role: "system" as const, content: "You are brief." },
  { role: "user" as const, content: "How deep is the\u00a0penstock — in metres? 🌊" },
];
const pixel =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const place = { type: "object", properties: { place: { type: "string" } }, required: ["place"] };
const tools = [
  { type: "function" as const, function: { name: "weather", description: "d", parameters: place } },
];
const image = { type: "image_url" as const, image_url: { url: pixel } };
const asked: Record<string, OpenAI.ChatCompletionCreateParamsNonStreaming> = {
  text: { model: "smart", messages, temperature: 0.5, seed: 7, max_completion_tokens: 500 },
  tools: { model: "smart", messages, tools, tool_choice: "auto" },
  "the result of a tool": {
    model: "smart",
    tools,
    messages: [
      ...messages,
      {
        role: "assistant",
        tool_calls: [
          { id: "call_1", type: "function", function: { name: "weather", arguments: "{}" } },
        ],
      },
      { role: "tool", tool_call_id: "call_1", content: "17 m" },
    ],
  },
  "an image": {
    model: "smart",
    messages: [{ role: "user", content: [{ type: "text", text: "What is it?" }, image] }],
  },
  "structured output": {
    model: "smart",
    messages,
    response_format: {
      type: "json_schema",
      json_schema: { name: "place", strict: true, schema: place },
    },
  },
  "two candidates": { model: "smart", messages, n: 2 },
};
const cases = Object.entries(asked);

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** The answer that chunks amount to, with what each says but how the text was cut. */
function assembled(chunks: readonly ChatCompletionChunk[]) {
  const choices: Record<string, unknown>[] = [];
  for (const { index, delta, finish_reason: finish } of chunks.flatMap((chunk) => chunk.choices)) {
    const choice = (choices[index] ??= { content: "", tools: [], finish: null });
    choice["content"] += delta.content ?? "";
    choice["finish"] ??= finish;
    for (const call of delta.tool_calls ?? []) {
      const known = choice["tools"] as Record<string, string>[];
      const before = known[call.index] ?? { id: "", name: "", arguments: "" };
      known[call.index] = {
        id: before["id"] + (call.id ?? "").replace(/.+/, "id"),
        name: before["name"] + (call.function?.name ?? ""),
        arguments: before["arguments"] + (call.function?.arguments ?? ""),
      };
    }
  }
  const usage = chunks.find((chunk) => chunk.usage)?.usage;
  return { choices, usage, model: chunks[0]?.model };
}

/** Ids of tool calls are made up by the vendor, anew in each answer. */
function withoutCallIds(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll(/"id":"call_[^"]+"/g, '"id":"call"'));
}

describe("the client over gRPC, beside the official one over HTTP", () => {
  it.each(cases)("answers the same: %s", async (_name, params) => {
    const [official, ours] = [
      await http.chat.completions.create(params),
      await grpc.chat.completions.create(params),
    ];
    expect(official.choices[0]?.finish_reason).toMatch(/^(stop|tool_calls)$/);
    const { id, created, ...same } = official;
    expect(withoutCallIds(ours)).toMatchObject(withoutCallIds(same) as object);
    expect(ours.id.slice(0, 9)).toBe(id.slice(0, 9));
    expect(Math.abs(ours.created - created)).toBeLessThan(60);
    expect(ours._request_id).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.each(cases)("streams the same: %s", async (_name, params) => {
    const streamed = { ...params, stream: true, stream_options: { include_usage: true } } as const;
    const official = await all(await http.chat.completions.create(streamed));
    const ours = await all(await grpc.chat.completions.create(streamed));
    const expected = assembled(official as ChatCompletionChunk[]);
    expect(expected.usage?.completion_tokens).toBeGreaterThan(0);
    expect(assembled(ours)).toEqual(expected);
    expect(ours.length).toBeGreaterThan(3);
    expect(new Set(ours.map(({ id }) => id)).size).toBe(1);
  });

  it("makes the same vectors, as numbers and as base64", async () => {
    const params = { model: "embed", input: ["one", "two"] };
    for (const encoding of [undefined, "float", "base64"] as const) {
      const request = encoding === undefined ? params : { ...params, encoding_format: encoding };
      const official = await http.embeddings.create(request);
      expect(official.data).toHaveLength(2);
      expect(await grpc.embeddings.create(request)).toEqual(official);
    }
  });

  it("lists the same models", async () => {
    const official = await http.models.list();
    const ours = await grpc.models.list();
    const four = ({ id, object, created, owned_by }: OpenAI.Model) =>
      JSON.stringify({ id, object, created, owned_by });
    expect(ours.data.map(four)).toEqual(official.data.map(four));
    expect(await all(ours)).toEqual(ours.data);
    expect(ours.data.map(({ id }) => id)).toContain("smart");
  });
});

type Failure = InstanceType<typeof OpenAI.APIError>;

async function failures(params: object): Promise<[Failure, APIError]> {
  const failing = (create: (params: never) => PromiseLike<unknown>) =>
    Promise.resolve(create(params as never)).then(
      () => Promise.reject(new Error("it was answered")),
      (error: unknown) => error,
    );
  const official = await failing((body) => http.chat.completions.create(body));
  const ours = await failing((body) => grpc.chat.completions.create(body));
  return [official as Failure, ours as APIError];
}

describe("errors over gRPC, beside those of the official client", () => {
  it.each([
    ["an unknown model", { model: "unknown", messages }, GrpcOpenAI.NotFoundError],
    ["a field out of bounds", { model: "smart", messages, n: 0 }, GrpcOpenAI.BadRequestError],
    ["no messages", { model: "smart" }, GrpcOpenAI.BadRequestError],
    ["a stream of an unknown model", { model: "no", messages, stream: true }, APIError],
  ])("are the same: %s", async (_name, params, Expected) => {
    const [official, ours] = await failures(params);
    expect(official).toBeInstanceOf(OpenAI.APIError);
    expect(ours).toBeInstanceOf(Expected);
    expect(ours.constructor.name).toBe(official.constructor.name);
    for (const field of ["status", "code", "type", "param", "message"] as const) {
      expect(ours[field], field).toEqual(official[field]);
    }
  });

  it("tell request and cause, and are caught by the classes that hang on the client", async () => {
    const wrong = new GrpcOpenAI({ address: gateway.grpcAddress, apiKey: "psk_wrong" });
    const error: unknown = await wrong.models.list().catch((thrown: unknown) => thrown);
    wrong.close();
    expect(error).toBeInstanceOf(GrpcOpenAI.AuthenticationError);
    const [, ours] = await failures({ model: "unknown", messages });
    expect(ours.requestID).toMatch(/^[0-9a-f-]{36}$/);
    expect(ours.headers?.get("x-request-id")).toBe(ours.requestID);
    expect(ours.cause).toBeInstanceOf(PenstockError);
  });

  it("break a stream that was cut, after what had come", async () => {
    const stream = await grpc.chat.completions.create({ model: "cut", messages, stream: true });
    const seen: unknown[] = [];
    const read = async () => {
      for await (const chunk of stream) seen.push(chunk);
    };
    await expect(read()).rejects.toMatchObject({ code: "STREAM_INTERRUPTED" });
    expect(seen.length).toBeGreaterThan(0);
  });

  it("tell of an abort, a deadline and a gateway that is not there", async () => {
    const asking = AbortSignal.timeout(100);
    const silent = { model: "silent", messages };
    await expect(grpc.chat.completions.create(silent, { signal: asking })).rejects.toThrow(
      GrpcOpenAI.APIUserAbortError,
    );
    const hurried = grpc.chat.completions.create(silent, { timeout: 100 });
    await expect(hurried).rejects.toThrow(GrpcOpenAI.APIConnectionTimeoutError);
    const nobody = new GrpcOpenAI({ address: "127.0.0.1:1", apiKey: "psk_any" });
    await expect(nobody.models.list({ timeout: 2_000 })).rejects.toThrow(
      GrpcOpenAI.APIConnectionError,
    );
    nobody.close();
  });

  it("end a stream that its reader aborts, without an error", async () => {
    const stream = await grpc.chat.completions.create({ model: "slow", messages, stream: true });
    let seen = 0;
    for await (const { choices } of stream) {
      seen += choices.length;
      stream.controller.abort();
    }
    expect(seen).toBe(1);
  });

  it("refuse a report, which only HTTP tells, and addresses that are none", async () => {
    const reported = { model: "smart", messages, penstock: { report: true } };
    await expect(grpc.chat.completions.create(reported)).rejects.toMatchObject({
      status: 400,
      code: "UNSUPPORTED_FIELD",
      param: "penstock.report",
    });
    for (const baseURL of ["http://a/openai", "ftp://a", "127.0.0.1:8081"]) {
      expect(() => new GrpcOpenAI({ apiKey: "psk_any", baseURL })).toThrow(TypeError);
    }
  });
});

// Only has to compile: the official package's types go in and come out.
it("fits the types of the official client", async () => {
  const { text } = asked;
  if (text === undefined) throw new Error("there is no such case");
  const whole: OpenAI.ChatCompletion = await grpc.chat.completions.create(text);
  const params: OpenAI.ChatCompletionCreateParamsStreaming = { ...text, stream: true };
  const chunks: AsyncIterable<OpenAI.ChatCompletionChunk> =
    await grpc.chat.completions.create(params);
  const wanted: OpenAI.EmbeddingCreateParams = { model: "embed", input: "one" };
  const vectors: OpenAI.CreateEmbeddingResponse = await grpc.embeddings.create(wanted);
  const models: OpenAI.Model[] = (await grpc.models.list()).data;
  const [last] = (await all(chunks)).slice(-1);
  expect([whole.object, last?.object, vectors.object, models[0]?.object]).toEqual([
    "chat.completion",
    "chat.completion.chunk",
    "list",
    "model",
  ]);
});
