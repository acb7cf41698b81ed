import { createServer } from "node:http";
import type { IncomingHttpHeaders, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { rmSync, writeFileSync } from "node:fs";
import Anthropic, {
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
} from "@anthropic-ai/sdk";
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema";
import { anthropicMessages } from "@penstock/formats";
import {
  deploymentManifest,
  projectManifest,
  providerManifest,
  routeManifest,
  startConstellation,
} from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { expectedAnswer } from "./src/expected-answer.ts";
import type { Turn } from "./src/expected-answer.ts";
import { simulatedKeyFile } from "./src/matrix/upstreams.ts";

// The official client of Anthropic as a black box, before targets of its own format and of OpenAI's.

const price = { inputUsd: "1", outputUsd: "2" };

/** A provider of Anthropic's kind at a simulated vendor, or at an address that a test watches. */
function anthropicManifest(id: string, baseUrl: string): string {
  return `kind: Provider
name: providers/${id}
providerKind: anthropic
baseUrl: ${baseUrl}
privateNetwork: true
credential: file:${simulatedKeyFile}
---
kind: PriceBook
name: priceBooks/${id}
source: made up for a test
prices:
  - { model: "*", inputUsdPerMillionTokens: "1", outputUsdPerMillionTokens: "2" }
---
`;
}

interface Seen {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** An upstream that only notes what it is sent. */
const seen: Seen[] = [];
let watcher: Server;
let gateway: Constellation;
let key: string;
let client: Anthropic;

const answered = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "watched",
  content: [{ type: "text", text: "noted" }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: { input_tokens: 1, output_tokens: 1 },
};

async function watch(): Promise<string> {
  watcher = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
      seen.push({ url: request.url ?? "", headers: request.headers, body });
      response.setHeader("content-type", "application/json");
      response.setHeader("anthropic-organization-id", "secret-org");
      response.end(JSON.stringify(answered));
    });
  });
  await new Promise<void>((resolve) => void watcher.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(watcher.address() as AddressInfo).port}/v1`;
}

beforeAll(async () => {
  writeFileSync(simulatedKeyFile, "simulated");
  const watched = await watch();
  gateway = await startConstellation({
    resources: (url) =>
      [
        projectManifest("test"),
        providerManifest("chat", `${url}/alpha/v1`, price),
        anthropicManifest("claude", `${url}/alpha/v1`),
        anthropicManifest("watched", watched),
        deploymentManifest("chat", "chat", "alpha-large+delay-0"),
        deploymentManifest("claude", "claude", "alpha-large+delay-0"),
        deploymentManifest("overloaded", "claude", "alpha-large+status-529"),
        deploymentManifest("broken", "claude", "alpha-large+delay-0+error-after-3"),
        deploymentManifest("slow", "claude", "alpha-large+tokens-2000"),
        deploymentManifest("watched", "watched", "watched"),
        ...["chat", "claude", "overloaded", "broken", "slow", "watched"].map((id) =>
          routeManifest(id, [id]),
        ),
      ].join(""),
  });
  key = await gateway.issueKey("projects/test/virtualKeys/clients");
  client = new Anthropic({ baseURL: gateway.httpUrl, apiKey: key, maxRetries: 0 });
});
afterEach(() => void seen.splice(0));
afterAll(async () => {
  rmSync(simulatedKeyFile, { force: true });
  watcher.close();
  await gateway.close();
});

const turns: readonly Turn[] = [
  { role: "system", text: "You are brief." },
  { role: "user", text: "How deep is the penstock — in metres? 🌊" },
];
const asked = {
  max_tokens: 500,
  system: turns[0]?.text ?? "",
  messages: [{ role: "user" as const, content: turns[1]?.text ?? "" }],
};
const answer = expectedAnswer("alpha-large", turns);

describe.each(["claude", "chat"])("the official client, before a target of %s,", (model) => {
  it("creates a message", async () => {
    const call = client.messages.create({ model, ...asked });
    const { data, response, request_id: requestId } = await call.withResponse();
    expect(data).toMatchObject({
      type: "message",
      role: "assistant",
      model,
      content: [{ type: "text", text: answer.text }],
      stop_reason: "end_turn",
      usage: { input_tokens: answer.inputTokens, output_tokens: answer.textTokens },
    });
    expect(requestId).toBe(response.headers.get("x-request-id"));
  });

  it("streams, and its helper gathers the same message", async () => {
    const stream = client.messages.stream({ model, ...asked });
    let text = "";
    stream.on("text", (piece) => (text += piece));
    const message = await stream.finalMessage();
    expect(text).toBe(answer.text);
    expect(message).toMatchObject({
      model,
      content: [{ type: "text", text: answer.text }],
      stop_reason: "end_turn",
      usage: { input_tokens: answer.inputTokens, output_tokens: answer.textTokens },
    });
  });

  it("runs tools until there is an answer", async () => {
    const inputs: unknown[] = [];
    const tool = betaTool({
      name: "weather",
      description: "d",
      inputSchema: { type: "object", properties: { sha256: { type: "string" } } },
      run: (input) => {
        inputs.push(input);
        return "sunny";
      },
    });
    const message = await client.beta.messages.toolRunner({ model, ...asked, tools: [tool] });
    expect(inputs).toEqual([JSON.parse(answer.toolArguments)]);
    expect(message.stop_reason).toBe("end_turn");
    expect(message.content[0]).toMatchObject({ type: "text" });
  });

  it("stops a stream", async () => {
    const slow = model === "claude" ? "slow" : model;
    const stream = client.messages.stream({ model: slow, ...asked });
    stream.on("text", () => stream.abort());
    await expect(stream.finalMessage()).rejects.toBeInstanceOf(APIUserAbortError);
  });
});

describe("the official client", () => {
  it("does not repeat what Penstock has tried already", async () => {
    const patient = new Anthropic({ baseURL: gateway.httpUrl, apiKey: key, maxRetries: 2 });
    const before = gateway.simulator.calls.list("").length;
    const failing = patient.messages.create({ model: "overloaded", ...asked });
    const error: unknown = await failing.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InternalServerError);
    const { headers, type } = error as InternalServerError;
    expect(type).toBe("overloaded_error");
    expect(headers?.get("x-should-retry")).toBe("false");
    const requestId = headers?.get("x-request-id") ?? "";
    const calls = gateway.simulator.calls.list("").slice(before);
    expect(calls.every((call) => call.requestId.startsWith(requestId))).toBe(true);
  });

  it("gets errors of its own classes", async () => {
    const ask = (model: string) => client.messages.create({ model, ...asked });
    await expect(ask("no-such-model")).rejects.toBeInstanceOf(NotFoundError);
    const bad = client.messages.create({ model: "claude", ...asked, max_tokens: 0 });
    await expect(bad).rejects.toBeInstanceOf(BadRequestError);
    const stranger = new Anthropic({ baseURL: gateway.httpUrl, apiKey: "psk_x", maxRetries: 0 });
    const refused = stranger.messages.create({ model: "claude", ...asked });
    await expect(refused).rejects.toBeInstanceOf(AuthenticationError);
  });

  it("hears of an answer that broke", async () => {
    const stream = client.messages.stream({ model: "broken", ...asked });
    const error: unknown = await stream.finalMessage().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Anthropic.APIError);
    expect(String(error)).toContain("STREAM_INTERRUPTED");
  });

  it("counts tokens, by the provider where that counts, else is told that they are estimated", async () => {
    const { max_tokens: _unused, ...rest } = asked;
    const count = (model: string) => client.messages.countTokens({ model, ...rest }).withResponse();
    const counted = await count("claude");
    expect(counted.data.input_tokens).toBe(answer.inputTokens);
    expect(counted.response.headers.get("x-penstock-token-source")).toBe("reported");
    expect(counted.response.headers.get("x-penstock-deployment")).toBe("deployments/claude");
    expect(counted.data).toMatchObject({ penstock: { deployment: "deployments/claude" } });
    const estimated = await count("chat");
    expect(estimated.data.input_tokens).toBeGreaterThan(0);
    expect(estimated.response.headers.get("x-penstock-token-source")).toBe("estimated");
    expect(estimated.response.headers.get("x-penstock-token-estimate-reason")).toBe("not_offered");
    const unknown = client.messages.countTokens({ ...rest, model: "no-such-model" });
    await expect(unknown).rejects.toBeInstanceOf(NotFoundError);
    const stranger = new Anthropic({ baseURL: gateway.httpUrl, apiKey: "psk_x", maxRetries: 0 });
    await expect(
      stranger.messages.countTokens({ model: "claude", ...rest }),
    ).rejects.toBeInstanceOf(AuthenticationError);
  });

  it("has its own words counted, betas and all, and no answer taken for a count", async () => {
    const body = { messages: asked.messages, system: asked.system, some_beta: { on: true } };
    const headers = { "anthropic-beta": "some-beta-2030-01-01" };
    const { data } = await client.messages
      .countTokens({ model: "watched", ...body }, { headers })
      .withResponse();
    expect(seen).toMatchObject([{ url: "/v1/messages/count_tokens", headers }]);
    expect(seen[0]?.body).toEqual({ model: "watched", ...body });
    const { penstock } = data as unknown as { penstock: Record<string, unknown> };
    expect(penstock).toMatchObject({ source: "estimated", reason: "failed" });
    expect(penstock["detail"]).toContain("MALFORMED");
  });

  it("lists models page by page, and finds one", async () => {
    const names: string[] = [];
    for await (const one of client.models.list({ limit: 2 })) names.push(one.id);
    expect(names).toEqual(["broken", "chat", "claude", "overloaded", "slow", "watched"]);
    expect(await client.models.retrieve("claude")).toMatchObject({ type: "model", id: "claude" });
    await expect(client.models.retrieve("nothing")).rejects.toBeInstanceOf(NotFoundError);
  });
});

describe("what reaches a target of the same format", () => {
  const tools = [
    {
      name: "weather",
      description: "d",
      input_schema: { type: "object" as const, properties: {} },
      cache_control: { type: "ephemeral" as const, ttl: "1h" as const },
    },
  ];
  const body = {
    max_tokens: 500,
    system: [
      { type: "text" as const, text: "s", cache_control: { type: "ephemeral" as const } },
      { type: "text" as const, text: "t" },
    ],
    messages: [
      { role: "user" as const, content: "Hello" },
      {
        role: "assistant" as const,
        content: [
          { type: "thinking" as const, thinking: "hm", signature: "c2ln" },
          { type: "tool_use" as const, id: "toolu_1", name: "weather", input: { a: 1 } },
        ],
      },
      {
        role: "user" as const,
        content: [
          { type: "tool_result" as const, tool_use_id: "toolu_1", content: "42", is_error: true },
        ],
      },
    ],
    tools,
    tool_choice: { type: "auto" as const, disable_parallel_tool_use: true },
    metadata: { user_id: "user_1_session_2" },
    stop_sequences: ["END"],
  };

  it("is the client's own body, but for the model, with the headers that say how it is meant", async () => {
    const headers = {
      "anthropic-beta": "one-beta,another-beta",
      "x-claude-code-session-id": "session-7",
      "x-other": "stays",
    };
    const { response } = await client.messages
      .create({ model: "watched", ...body }, { headers })
      .withResponse();
    const sent = seen[0]!;
    expect(sent.url).toBe("/v1/messages");
    expect(sent.body).toEqual({ model: "watched", ...body });
    expect(sent.headers).toMatchObject({
      "x-api-key": "simulated",
      "anthropic-beta": "one-beta,another-beta",
      "anthropic-version": expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
    });
    expect(sent.headers["anthropic-version"]).not.toBe("2023-06-01");
    expect(Object.keys(sent.headers)).not.toContain("x-other");
    expect(sent.headers["authorization"]).toBeUndefined();
    expect(response.headers.get("anthropic-organization-id")).toBeNull();
    const { record } = await gateway.request(response.headers.get("x-request-id") ?? "");
    expect(record?.event?.session).toBe("session-7");
    expect(record?.event?.endUser).toBe("user_1_session_2");
  });

  it("is what Penstock itself writes for the same request", () => {
    const bytes = Buffer.from(JSON.stringify({ model: "watched", ...body }));
    const { request, stream } = anthropicMessages.readRequest(bytes);
    const written = anthropicMessages.writeRequest(request, {
      model: "watched",
      stream,
      quirks: {
        maxTokensField: "max_tokens",
        sendsDeveloperRole: false,
        supportsStreamUsage: true,
      },
    });
    expect(JSON.parse(written)).toEqual({ model: "watched", ...body });
  });
});

describe("a coding agent", () => {
  it("finds somebody at the root, and is refused in its own words elsewhere", async () => {
    for (const path of ["/", "/api/hello"]) {
      expect((await fetch(gateway.httpUrl + path, { method: "HEAD" })).status).toBe(200);
    }
    const nowhere = await fetch(`${gateway.httpUrl}/v1/messages/batches?beta=true`);
    expect(nowhere.status).toBe(404);
    expect(await nowhere.json()).toMatchObject({
      type: "error",
      error: { type: "not_found_error", code: "ENDPOINT_NOT_FOUND" },
    });
    const beta = await fetch(`${gateway.httpUrl}/v1/messages?beta=true`, {
      method: "POST",
      headers: { "x-api-key": key, "content-type": "application/json" },
      body: JSON.stringify({ model: "claude", ...asked }),
    });
    expect(beta.status).toBe(200);
    expect(beta.headers.get("request-id")).toBe(beta.headers.get("x-request-id"));
  });
});
