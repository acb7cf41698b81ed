import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { startConstellation } from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import {
  APICallError,
  embedMany,
  generateObject,
  generateText,
  isStepCount,
  jsonSchema,
  Output,
  streamText,
  tool,
} from "ai";
import type { LanguageModel } from "ai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clientResources } from "./src/client-resources.ts";
import { expectedAnswer } from "./src/expected-answer.ts";
import type { Turn } from "./src/expected-answer.ts";
import { expectedVector } from "./src/expected-vector.ts";

// The AI SDK as a black box, over every door that it has a package for.

type Door = "openai-compatible" | "openai chat" | "openai responses" | "anthropic";

const doors: readonly Door[] = [
  "openai-compatible",
  "openai chat",
  "openai responses",
  "anthropic",
];
const faults = {
  smart: "delay-0",
  slow: "tokens-2000",
  // One for each door, as a model that broke an answer cools down.
  ...Object.fromEntries(doors.map((_, at) => [`broken-${at}`, `delay-0+error-after-${at + 3}`])),
};

let gateway: Constellation;
let apiKey: string;

const resources = (url: string): string => clientResources(url, faults);

beforeAll(async () => {
  Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });
  gateway = await startConstellation({ resources });
  apiKey = await gateway.issueKey("projects/test/virtualKeys/ai-sdk");
});
afterAll(() => gateway.close());

function compatible(key = apiKey) {
  const baseURL = `${gateway.httpUrl}/v1`;
  const all = { includeUsage: true, supportsStructuredOutputs: true };
  return createOpenAICompatible({ name: "penstock", baseURL, apiKey: key, ...all });
}

function modelOf(door: Door, model: string, key = apiKey): LanguageModel {
  const baseURL = `${gateway.httpUrl}/v1`;
  switch (door) {
    case "openai-compatible":
      return compatible(key)(model);
    case "openai chat":
      return createOpenAI({ baseURL, apiKey: key }).chat(model);
    case "openai responses":
      return createOpenAI({ baseURL, apiKey: key }).responses(model);
    case "anthropic":
      return createAnthropic({ baseURL, apiKey: key })(model);
  }
}

const turns: readonly Turn[] = [
  { role: "system", text: "You are brief." },
  { role: "user", text: "How deep is the penstock in metres?" },
];
const asked = { instructions: "You are brief.", prompt: turns[1]?.text ?? "", maxRetries: 0 };
const answer = expectedAnswer("alpha-large", turns);
const place = jsonSchema<{ place: string }>({
  type: "object",
  properties: { place: { type: "string" } },
  required: ["place"],
  additionalProperties: false,
});

describe.each(doors)("the AI SDK over %s", (door) => {
  it("generates text", async () => {
    const { text, usage, finishReason } = await generateText({
      model: modelOf(door, "smart"),
      ...asked,
    });
    expect(text).toBe(answer.text);
    expect(finishReason).toBe("stop");
    expect(usage).toMatchObject({
      inputTokens: answer.inputTokens,
      outputTokens: answer.textTokens,
    });
  });

  it("streams text", async () => {
    const result = streamText({ model: modelOf(door, "smart"), ...asked });
    const pieces: string[] = [];
    for await (const piece of result.textStream) pieces.push(piece);
    expect(pieces.join("")).toBe(answer.text);
    expect(pieces.length).toBeGreaterThan(5);
    expect(await result.finishReason).toBe("stop");
    expect(await result.usage).toMatchObject({ outputTokens: answer.textTokens });
  });

  it.each([false, true])("runs a tool until there is an answer (stream: %s)", async (streamed) => {
    const inputs: unknown[] = [];
    const weather = tool({
      description: "tells the depth",
      inputSchema: jsonSchema<object>({ type: "object", properties: {} }),
      execute: (input) => {
        inputs.push(input);
        return Promise.resolve("17 m");
      },
    });
    const request = {
      model: modelOf(door, "smart"),
      ...asked,
      tools: { weather },
      stopWhen: isStepCount(3),
    };
    const result = streamed ? streamText(request) : await generateText(request);
    if ("consumeStream" in result) await result.consumeStream();
    const steps = await result.steps;
    expect(inputs).toEqual([JSON.parse(answer.toolArguments)]);
    expect(steps.map(({ finishReason }) => finishReason)).toEqual(["tool-calls", "stop"]);
    expect(await result.text).toMatch(/^alpha-large received 4 messages/);
  });

  it("generates an object of a schema", async () => {
    const request = {
      model: modelOf(door, "smart"),
      ...asked,
      // For models that it does not know by name it would describe a tool instead.
      providerOptions: { anthropic: { structuredOutputMode: "outputFormat" } },
    };
    const { output } = await generateText({ ...request, output: Output.object({ schema: place }) });
    expect(output).toEqual({ place: expect.any(String) });
    const { object } = await generateObject({ ...request, schema: place });
    expect(object).toEqual(output);
  });

  it("gives a stream up", async () => {
    const controller = new AbortController();
    const parts: string[] = [];
    const { stream } = streamText({
      model: modelOf(door, "slow"),
      ...asked,
      abortSignal: controller.signal,
    });
    for await (const part of stream) {
      parts.push(part.type);
      if (part.type === "text-delta") controller.abort();
    }
    expect(parts).toContain("text-delta");
    expect(parts.at(-1)).toBe("abort");
    // Up to the vendor, for this door and those before it.
    const ends = () =>
      gateway.simulator.calls
        .list()
        .filter(({ model }) => model.endsWith(faults.slow))
        .map(({ end }) => end);
    const doorsSoFar = doors.indexOf(door) + 1;
    await expect.poll(ends).toEqual(Array.from({ length: doorsSoFar }, () => "closed_by_caller"));
  });

  it("tells what is wrong as an error of its own, and whether to ask again", async () => {
    const unknown = generateText({ model: modelOf(door, "unknown"), ...asked });
    const error: unknown = await unknown.catch((thrown: unknown) => thrown);
    expect(APICallError.isInstance(error)).toBe(true);
    expect(error).toMatchObject({ statusCode: 404, isRetryable: false });
    expect(String(error)).toContain("unknown");
    const refused = generateText({ model: modelOf(door, "smart", "psk_wrong"), ...asked });
    await expect(refused).rejects.toMatchObject({ statusCode: 401, isRetryable: false });
  });

  it("does not take a broken stream for an answer", async () => {
    const errors: unknown[] = [];
    const { stream } = streamText({
      model: modelOf(door, `broken-${doors.indexOf(door)}`),
      ...asked,
      onError: ({ error }) => void errors.push(error),
    });
    const parts: { type: string; finishReason?: string }[] = [];
    for await (const part of stream) parts.push(part);
    const types = parts.map(({ type }) => type);
    expect(types).toContain("text-delta");
    expect(types.indexOf("error")).toBeGreaterThan(types.lastIndexOf("text-delta"));
    // The Responses API tells of it twice: as an error and as a response that failed.
    expect(errors.length).toBe(door === "openai responses" ? 2 : 1);
    const ends = parts.filter(({ type }) => type === "finish");
    expect(ends.filter(({ finishReason }) => finishReason === "stop")).toEqual([]);
  });
});

it("makes vectors over the AI SDK", async () => {
  const model = compatible().embeddingModel("embed");
  const { embeddings, usage } = await embedMany({ model, values: ["one", "two"], maxRetries: 0 });
  expect(embeddings).toEqual(["one", "two"].map((text) => expectedVector("sim-embed", text)));
  expect(usage.tokens).toBeGreaterThan(0);
});
