import { create } from "@bufbuild/protobuf";
import {
  BlockDeltaSchema,
  BlockEndedSchema,
  BlockKind,
  BlockStartedSchema,
  FinishReason,
  UsageSource,
} from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { bedrockConverse } from "@penstock/formats";
import type { StreamEvent } from "@penstock/formats";
import { projectManifest, routeManifest, startConstellation } from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { askChat } from "./src/chat-caller.ts";
import { json, startScriptedUpstream } from "./src/scripted-upstream.ts";
import type { Scene, ScriptedUpstream } from "./src/scripted-upstream.ts";

const model = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0";
const question = { model: "claude", messages: [{ role: "user", content: "Hi" }] };
const usage = { inputTokens: 10, outputTokens: 5, totalTokens: 115, cacheReadInputTokens: 100 };

function answered(content: unknown[], stopReason = "end_turn"): Scene {
  const body = { output: { message: { role: "assistant", content } }, stopReason, usage };
  return json(200, body, { "x-amzn-requestid": "bedrock-1" });
}

/** The texts of frames as the format's own writer makes them. */
function writer() {
  const identity = { requestId: "r", responseId: "", model, createdSeconds: 0 };
  const stream = bedrockConverse.createStreamWriter(identity, { includeUsage: true });
  const write = (event: StreamEvent): string => stream.event(event);
  return {
    start: (index: number, kind: BlockKind, toolCallId = "", toolName = "") =>
      write({
        case: "blockStarted",
        value: create(BlockStartedSchema, { index, kind, toolCallId, toolName }),
      }),
    delta: (index: number, delta: { case: "text" | "argumentsJson"; value: string }) =>
      write({ case: "blockDelta", value: create(BlockDeltaSchema, { index, delta }) }),
    end: (index: number) =>
      write({ case: "blockEnded", value: create(BlockEndedSchema, { index }) }),
    finish: (reason: FinishReason, rawReason: string) =>
      stream.finish(
        {
          candidates: [
            {
              $typeName: "penstock.inference.v1.CandidateFinish",
              candidate: 0,
              reason,
              rawReason,
            },
          ],
          usage: undefined,
          rawUsage: undefined,
          responseId: "",
          model,
          warnings: [],
        },
        {
          $typeName: "penstock.type.v1.TokenUsage",
          inputTokens: 110n,
          cacheReadInputTokens: 100n,
          outputTokens: 5n,
          source: UsageSource.REPORTED,
        },
      ),
  };
}

/** Streams these texts of Latin-1, each a packet of its own, and ends unless told otherwise. */
function streamed(texts: readonly string[], end = true): Scene {
  return (response) => {
    response.writeHead(200, { "content-type": "application/vnd.amazon.eventstream" });
    for (const text of texts) response.write(Buffer.from(text, "latin1"));
    if (end) response.end();
  };
}

const exception = (reason: "UPSTREAM_RATE_LIMITED" | "UPSTREAM_FAILED"): string =>
  bedrockConverse.writeStreamError(new GatewayError(reason, "It broke."), "r");

function saying(text: string): string[] {
  const frames = writer();
  return [
    frames.start(0, BlockKind.TEXT),
    frames.delta(0, { case: "text", value: text }),
    frames.end(0),
    frames.finish(FinishReason.STOP, "end_turn"),
  ];
}

let upstream: ScriptedUpstream;
let gateway: Constellation;
let key: string;

beforeAll(async () => {
  upstream = await startScriptedUpstream();
  const deployment = (id: string, name: string): string => `kind: Deployment
name: deployments/${id}
provider: providers/bedrock
model: ${name}
region: eu-central-1
priceBook: priceBooks/bedrock
---
`;
  gateway = await startConstellation({
    environment: { TEST_AWS_KEYS: "AKIDEXAMPLE12345:wJalrXUtnFEMI/K7MDENG:token" },
    resources: () =>
      [
        projectManifest("test"),
        `kind: Provider
name: providers/bedrock
providerKind: aws-bedrock
baseUrl: ${upstream.origin}
credential: env:TEST_AWS_KEYS
privateNetwork: true
---
kind: PriceBook
name: priceBooks/bedrock
source: made up for a test
prices:
  - model: "*"
    inputUsdPerMillionTokens: "3"
    cacheReadInputUsdPerMillionTokens: "0.3"
    outputUsdPerMillionTokens: "15"
---
`,
        // What fails is left alone for a while, so that each such test has targets of its own.
        ...["claude", "throttled", "throttled-within", "broken", "cut"].flatMap((name) => [
          deployment(`${name}-first`, model),
          deployment(`${name}-second`, "amazon.nova-pro-v1:0"),
          routeManifest(name, [`${name}-first`, `${name}-second`]),
        ]),
      ].join(""),
  });
  key = await gateway.issueKey("projects/test/virtualKeys/bedrock");
});

afterAll(async () => {
  await gateway.close();
  upstream.close();
});

const recordOf = async (headers: Headers) =>
  (await gateway.request(headers.get("x-request-id") ?? "")).record?.event;

describe("Amazon Bedrock behind OpenAI's door", () => {
  it("answers, and what its cache had is part of the input and has its own price", async () => {
    upstream.play(answered([{ text: "Hello." }]));
    const { status, headers, json: answer } = await askChat(gateway, key, question);
    expect(status).toBe(200);
    expect(answer).toMatchObject({
      model: "claude",
      choices: [{ message: { content: "Hello." }, finish_reason: "stop" }],
      usage: {
        prompt_tokens: 110,
        completion_tokens: 5,
        prompt_tokens_details: { cached_tokens: 100 },
      },
    });
    // 10 × 3,000 + 100 × 300 + 5 × 15,000 nano-USD.
    expect(headers.get("x-penstock-cost-usd")).toBe("0.000135");
    const [call] = upstream.calls;
    expect(call?.path).toBe(`/model/${encodeURIComponent(model)}/converse`);
    expect(call?.body).toEqual({ messages: [{ role: "user", content: [{ text: "Hi" }] }] });
    expect(call?.headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE12345\/\d{8}\/eu-central-1\/bedrock\/aws4_request, /,
    );
    expect(call?.headers["x-amz-security-token"]).toBe("token");
    const event = await recordOf(headers);
    expect(event?.attempts[0]?.providerRequestId).toBe("bedrock-1");
  });

  it("streams, and its usage comes behind the end", async () => {
    upstream.play(streamed(saying("Grüß dich 👋")));
    const stream_options = { include_usage: true };
    const answer = await askChat(gateway, key, { ...question, stream: true, stream_options });
    expect([answer.status, answer.text, answer.done]).toEqual([200, "Grüß dich 👋", true]);
    expect(answer.events.at(-1)).toMatchObject({
      usage: { prompt_tokens: 110, completion_tokens: 5 },
    });
    const [call] = upstream.calls;
    expect(call?.path).toBe(`/model/${encodeURIComponent(model)}/converse-stream`);
    expect(call?.headers.accept).toBe("application/vnd.amazon.eventstream");
    expect((await recordOf(answer.headers))?.usage?.outputTokens).toBe(5n);
  });

  it("is asked with images and tools, and calls them", async () => {
    const frames = writer();
    upstream.play(
      streamed([
        frames.start(0, BlockKind.TOOL_CALL, "tooluse_1", "weather"),
        frames.delta(0, { case: "argumentsJson", value: `{"city":` }),
        frames.delta(0, { case: "argumentsJson", value: `"Ulm"}` }),
        frames.end(0),
        frames.finish(FinishReason.TOOL_CALLS, "tool_use"),
      ]),
    );
    const image = { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw==" } };
    const parameters = { type: "object", properties: { city: { type: "string" } } };
    const answer = await askChat(gateway, key, {
      ...question,
      stream: true,
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: [{ type: "text", text: "Where?" }, image] },
      ],
      tools: [{ type: "function", function: { name: "weather", parameters } }],
      tool_choice: "required",
    });
    expect(upstream.calls[0]?.body).toEqual({
      system: [{ text: "Be brief." }],
      messages: [
        {
          role: "user",
          content: [
            { text: "Where?" },
            { image: { format: "png", source: { bytes: "iVBORw==" } } },
          ],
        },
      ],
      toolConfig: {
        tools: [{ toolSpec: { name: "weather", inputSchema: { json: parameters } } }],
        toolChoice: { any: {} },
      },
    });
    const calls = answer.events.flatMap((event) =>
      (event["choices"] as { delta: { tool_calls?: { function: { arguments: string } }[] } }[])
        .flatMap(({ delta }) => delta.tool_calls ?? [])
        .map((call) => call.function.arguments),
    );
    expect(calls.join("")).toBe(`{"city":"Ulm"}`);
    expect(answer.events.some((event) => JSON.stringify(event).includes('"tool_calls"'))).toBe(
      true,
    );
    expect(answer.done).toBe(true);
  });

  it.each([
    [
      "an answer",
      "throttled",
      json(429, { message: "Too many requests." }, { "x-amzn-errortype": "ThrottlingException:" }),
    ],
    ["a stream of status 200", "throttled-within", streamed([exception("UPSTREAM_RATE_LIMITED")])],
  ])(
    "is left for the next target when it is throttled, said in %s",
    async (_where, route, throttled) => {
      upstream.play(throttled, streamed(saying("from the second")));
      const answer = await askChat(gateway, key, { ...question, model: route, stream: true });
      expect([answer.text, answer.done]).toEqual(["from the second", true]);
      expect(upstream.calls.map(({ path }) => path)).toEqual([
        `/model/${encodeURIComponent(model)}/converse-stream`,
        `/model/${encodeURIComponent("amazon.nova-pro-v1:0")}/converse-stream`,
      ]);
      const event = await recordOf(answer.headers);
      expect(event?.attempts.map(({ outcome }) => outcome)).toEqual(["RATE_LIMITED", "OK"]);
    },
  );

  it("breaks with an error when it fails behind its first words", async () => {
    const [start = "", words = ""] = saying("Hel");
    upstream.play(streamed([start, words, exception("UPSTREAM_FAILED")]));
    const answer = await askChat(gateway, key, { ...question, model: "broken", stream: true });
    expect([answer.text, answer.done]).toEqual(["Hel", false]);
    expect(answer.events.at(-1)).toMatchObject({ error: { code: "STREAM_INTERRUPTED" } });
    expect(upstream.calls).toHaveLength(1);
  });

  it("is no answer when it is cut behind its first words", async () => {
    const [start = "", words = "", end = ""] = saying("Hel");
    upstream.play(streamed([start, words, end.slice(0, -1)]));
    const answer = await askChat(gateway, key, { ...question, model: "cut", stream: true });
    expect([answer.text, answer.done]).toEqual(["Hel", false]);
    expect(answer.events.at(-1)).toMatchObject({ error: { code: "STREAM_INTERRUPTED" } });
  });

  it("is let go when the caller goes", async () => {
    const [start = "", words = ""] = saying("Hel");
    upstream.play(streamed([start, words], false));
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
