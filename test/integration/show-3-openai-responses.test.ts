import {
  deploymentManifest,
  projectManifest,
  providerManifest,
  routeManifest,
  startConstellation,
} from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import OpenAI from "openai";
import { makeParseableTextFormat } from "openai/lib/parser";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { expectedAnswer } from "./src/expected-answer.ts";
import type { Turn } from "./src/expected-answer.ts";

// The official client over the door of the Responses API, before targets of two formats.

let gateway: Constellation;
let openai: OpenAI;

const faults = ["delay-0", "delay-0+overloaded", "delay-0+error-after-3", "delay-0+stall-after-3"];
const formats = ["openai-chat", "openai-responses"] as const;

/** Each fault behind a target of each format: `openai-chat-0` and so on. */
function resources(simulatorUrl: string): string {
  const targets = formats.flatMap((format) =>
    faults.map((fault, index) => {
      const id = `${format}-${index}`;
      const deployment = deploymentManifest(id, "alpha", `alpha-large+${fault}`);
      const chosen = deployment.replace("---\n", `format: ${format}\n---\n`);
      return chosen + routeManifest(id, [id]);
    }),
  );
  const prices = { inputUsd: "2.50", outputUsd: "10" };
  return [
    projectManifest("test"),
    providerManifest("alpha", `${simulatorUrl}/alpha/v1`, prices),
    ...targets,
  ].join("");
}

beforeAll(async () => {
  gateway = await startConstellation({ resources });
  const apiKey = await gateway.issueKey("projects/test/virtualKeys/responses");
  openai = new OpenAI({ baseURL: `${gateway.httpUrl}/v1`, apiKey, maxRetries: 0 });
});
afterAll(() => gateway.close());

const turns: readonly Turn[] = [
  { role: "system", text: "You are brief." },
  { role: "user", text: "How deep is the penstock — in metres? 🌊" },
];
const answer = expectedAnswer("alpha-large", turns);
const asked = { instructions: turns[0]!.text, input: turns[1]!.text };
const weather = {
  type: "function" as const,
  name: "weather",
  strict: true,
  parameters: {
    type: "object",
    properties: { place: { type: "string" } },
    required: ["place"],
    additionalProperties: false,
  },
};

describe.each(formats)("the official openai client, before a target of %s,", (format) => {
  const model = `${format}-0`;

  it("gets an answer", async () => {
    const { data, response } = await openai.responses.create({ model, ...asked }).withResponse();
    expect(data.output_text).toBe(answer.text);
    expect(data).toMatchObject({
      object: "response",
      status: "completed",
      model,
      store: false,
      error: null,
      usage: {
        input_tokens: answer.inputTokens,
        output_tokens: answer.textTokens,
        total_tokens: answer.inputTokens + answer.textTokens,
      },
    });
    const headers = Object.fromEntries(response.headers);
    expect(headers).toMatchObject({
      "x-penstock-deployment": `deployments/${model}`,
      "x-penstock-attempts": "1",
    });
    const { record } = await gateway.request(headers["x-request-id"] ?? "");
    expect(record?.event?.door).toBe(45);
    expect(gateway.simulator.calls.list(headers["x-request-id"])).toMatchObject([
      { format, messageSha256: answer.sha256, status: 200 },
    ]);
  });

  it("streams, with events in the documented order", async () => {
    const types: string[] = [];
    const sequence: number[] = [];
    let text = "";
    const stream = await openai.responses.create({ model, ...asked, stream: true });
    for await (const event of stream) {
      if (types.at(-1) !== event.type) types.push(event.type);
      sequence.push(event.sequence_number);
      if (event.type === "response.output_text.delta") text += event.delta;
      if (event.type === "response.completed") {
        expect(event.response.output).toMatchObject([{ content: [{ text }] }]);
      }
    }
    expect(text).toBe(answer.text);
    expect(types).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
    ]);
    expect(sequence).toEqual(sequence.map((_one, index) => index));
  });

  it("streams by its helper", async () => {
    const stream = openai.responses.stream({ model, ...asked });
    const pieces: string[] = [];
    stream.on("response.output_text.delta", ({ delta }) => pieces.push(delta));
    const final = await stream.finalResponse();
    expect(final.output_text).toBe(answer.text);
    expect(pieces.join("")).toBe(answer.text);
    expect(final.usage?.output_tokens).toBe(answer.textTokens);
  });

  it.each([false, true])("parses structured output (stream: %s)", async (stream) => {
    const schema = {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: false,
    };
    const parse = (content: string): { city: string } => JSON.parse(content) as { city: string };
    const shape = { type: "json_schema" as const, name: "place", strict: true, schema };
    const params = { model, ...asked, text: { format: makeParseableTextFormat(shape, parse) } };
    const parsed = stream
      ? await openai.responses.stream(params).finalResponse()
      : await openai.responses.parse(params);
    expect(parsed.output_parsed).toEqual({ city: expect.stringMatching(/^[a-z]+$/) });
  });

  it.each([false, true])("calls a tool and tells its result (stream: %s)", async (stream) => {
    const params = { model, ...asked, tools: [weather] };
    const first = stream
      ? await openai.responses.stream(params).finalResponse()
      : await openai.responses.create(params);
    const call = first.output.find((item) => item.type === "function_call");
    expect(call).toMatchObject({ name: "weather", arguments: answer.toolArguments });
    const second = await openai.responses.create({
      ...params,
      input: [
        { role: "user", content: asked.input },
        ...(first.output as OpenAI.Responses.ResponseInputItem[]),
        { type: "function_call_output", call_id: callId(call), output: "17 m" },
      ],
    });
    const expected = expectedAnswer("alpha-large", [
      ...turns,
      { role: "assistant", text: `weather ${answer.toolArguments}` },
      { role: "tool", text: "17 m" },
    ]);
    expect(second.output_text).toBe(expected.text);
    expect(second.usage?.input_tokens).toBe(expected.inputTokens);
  });

  it("aborts, and the vendor sees it", async () => {
    const { data: stream, response } = await openai.responses
      .create({ model: `${format}-3`, ...asked, stream: true })
      .withResponse();
    for await (const event of stream) {
      if (event.type === "response.output_text.delta") stream.controller.abort();
    }
    const requestId = response.headers.get("x-request-id") ?? "";
    await vi.waitFor(() => {
      expect(gateway.simulator.calls.list(requestId)).toMatchObject([{ end: "closed_by_caller" }]);
    });
  });

  it("throws its own errors", async () => {
    const overloaded = openai.responses.create({ model: `${format}-1`, ...asked });
    await expect(overloaded).rejects.toThrow(OpenAI.InternalServerError);
    await expect(overloaded).rejects.toMatchObject({ status: 503, code: "UPSTREAM_OVERLOADED" });
    const broken = openai.responses.stream({ model: `${format}-2`, ...asked });
    await expect(broken.finalResponse()).rejects.toThrow(OpenAI.APIError);
  });
});

describe("the official openai client", () => {
  const model = "openai-responses-0";

  it("is told that nothing is stored", async () => {
    const found = openai.responses.retrieve("resp_1");
    await expect(found).rejects.toThrow(OpenAI.NotFoundError);
    await expect(found).rejects.toThrow("keeps no answers");
    await expect(openai.responses.delete("resp_1")).rejects.toThrow("keeps no answers");
    await expect(openai.responses.cancel("resp_1")).rejects.toThrow("keeps no answers");
    const asksForMore = openai.responses.create({
      model,
      ...asked,
      previous_response_id: "resp_1",
    });
    await expect(asksForMore).rejects.toThrow(OpenAI.BadRequestError);
    await expect(asksForMore).rejects.toMatchObject({
      code: "UNSUPPORTED_FIELD",
      param: "previous_response_id",
    });
  });

  it("is told which field a target has no words for, before anything is sent", async () => {
    const search = { model: "openai-chat-0", ...asked, tools: [{ type: "web_search" as const }] };
    const refused = openai.responses.create(search);
    await expect(refused).rejects.toThrow(OpenAI.BadRequestError);
    await expect(refused).rejects.toMatchObject({ code: "UNSUPPORTED_FIELD", param: "tools[0]" });
  });

  it("gets errors of its own classes", async () => {
    const unknown = openai.responses.create({ model: "unknown", ...asked });
    await expect(unknown).rejects.toThrow(OpenAI.NotFoundError);
    const noKey = new OpenAI({ baseURL: `${gateway.httpUrl}/v1`, apiKey: "x", maxRetries: 0 });
    await expect(noKey.responses.create({ model, ...asked })).rejects.toThrow(
      OpenAI.AuthenticationError,
    );
  });
});

function callId(item: OpenAI.Responses.ResponseOutputItem | undefined): string {
  return item?.type === "function_call" ? item.call_id : "";
}
