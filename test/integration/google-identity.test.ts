import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  deploymentManifest,
  onlyEmbedded,
  projectManifest,
  routeManifest,
  startConstellation,
} from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

// Vertex AI behind the door of chat completions, with the identity of the machine: the token
// service of Google and its API are one scripted server on loopback.

interface Call {
  path: string;
  authorization: string | undefined;
  body: Record<string, unknown>;
}

const calls: Call[] = [];
/** Whether the token service knows the identity by now. */
let known = false;
const refusal = { error: "invalid_grant", error_description: "not yet" };
const token = { access_token: "token-1", expires_in: 3_600, token_type: "Bearer" };
/** What the API answers next; the last one is given again and again. */
let answers: (string | object)[] = [];

const google = createServer((request, response) => {
  void readText(request).then((text) => {
    if (request.url === "/v1/token") {
      calls.push({ path: "/v1/token", authorization: undefined, body: {} });
      reply(response, known ? 200 : 400, JSON.stringify(known ? token : refusal));
      return;
    }
    calls.push({
      path: request.url ?? "",
      authorization: request.headers.authorization,
      body: JSON.parse(text) as Record<string, unknown>,
    });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (typeof answer !== "string") reply(response, 200, JSON.stringify(answer));
    else response.writeHead(200, { "content-type": "text/event-stream" }).end(answer);
  });
});

function reply(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { "content-type": "application/json" }).end(body);
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

const usageMetadata = { promptTokenCount: 8, candidatesTokenCount: 4, totalTokenCount: 12 };
const said = (text: string, finishReason?: string): object => ({
  candidates: [{ content: { parts: [{ text }], role: "model" }, finishReason, index: 0 }],
  usageMetadata,
  modelVersion: "gemini-3-pro",
  responseId: "abc",
});

let gateway: Constellation;
let key: string;
let folder: string;

async function ask(fields: object): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${gateway.httpUrl}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "gemini", messages: [question], ...fields }),
  });
  return { status: answer.status, text: await answer.text() };
}

const question = { role: "user", content: "Weather in Paris?" };
const tool = { type: "function", function: { name: "get_weather", parameters: {} } };

// Google's library reads the environment of the process in which it runs.
const elsewhere = onlyEmbedded("the identity stands in the environment of the test");

describe.skipIf(elsewhere)("Vertex AI with the identity of the machine", () => {
  beforeAll(async () => {
    await new Promise<void>((resolve) => google.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(google.address() as AddressInfo).port}`;
    folder = mkdtempSync(join(tmpdir(), "penstock-google-"));
    writeFileSync(join(folder, "subject"), "subject-token");
    writeFileSync(
      join(folder, "credentials.json"),
      JSON.stringify({
        type: "external_account",
        audience:
          "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
        subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
        token_url: `${url}/v1/token`,
        credential_source: { file: join(folder, "subject") },
      }),
    );
    vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", join(folder, "credentials.json"));
    gateway = await startConstellation({
      resources: () =>
        [
          projectManifest("test"),
          `kind: Provider
name: providers/vertex
providerKind: google-vertex
baseUrl: ${url}/v1/projects/p/locations/l
privateNetwork: true
credential: "google-adc:"
---
kind: PriceBook
name: priceBooks/vertex
source: made up for a test
prices:
  - { model: "*", inputUsdPerMillionTokens: "1", outputUsdPerMillionTokens: "2" }
---
`,
          deploymentManifest("gemini", "vertex", "gemini-3-pro"),
          routeManifest("gemini", ["gemini"]),
        ].join(""),
    });
    key = await gateway.issueKey("projects/test/virtualKeys/vertex");
  });

  afterAll(async () => {
    vi.unstubAllEnvs();
    await gateway.close();
    google.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("says that the identity is missing, and gets it by itself", async () => {
    answers = [said("Hello.", "STOP")];
    const refused = await ask({});
    expect(refused.status).toBe(503);
    expect(refused.text).toContain("CREDENTIAL_MISSING");
    expect(refused.text).toContain("its cloud has given no identity yet");
    known = true;
    // It is asked again after 1, 2, 4 … s, and the start of a constellation takes its time.
    await expect.poll(async () => (await ask({})).status, { timeout: 40_000 }).toBe(200);
  });

  it("calls tools twice with one token and the model's own proof", async () => {
    const call = { name: "get_weather", args: { city: "Paris" } };
    const parts = [{ functionCall: call, thoughtSignature: "c2ln" }];
    answers = [
      { ...said(""), candidates: [{ content: { parts, role: "model" }, finishReason: "STOP" }] },
      said("Sunny.", "STOP"),
    ];
    calls.length = 0;
    const first = JSON.parse((await ask({ tools: [tool] })).text) as {
      choices: [{ message: { tool_calls: [{ id: string }] }; finish_reason: string }];
    };
    const { message, finish_reason: finish } = first.choices[0];
    expect(finish).toBe("tool_calls");
    const [{ id }] = message.tool_calls;
    const result = { role: "tool", tool_call_id: id, content: "sunny" };
    const second = await ask({ tools: [tool], messages: [question, message, result] });
    expect(second.text).toContain("Sunny.");
    // No request waited for a token of its own.
    expect(calls.map(({ path, authorization }) => [path, authorization])).toEqual(
      Array(2).fill([
        "/v1/projects/p/locations/l/publishers/google/models/gemini-3-pro:generateContent",
        "Bearer token-1",
      ]),
    );
    expect(calls[1]?.body["contents"]).toEqual([
      { role: "user", parts: [{ text: "Weather in Paris?" }] },
      { role: "model", parts },
      {
        role: "user",
        parts: [{ functionResponse: { name: "get_weather", response: { output: "sunny" } } }],
      },
    ]);
  });

  it("tells of a blocked prompt as a refusal, not as an answer", async () => {
    answers = [{ promptFeedback: { blockReason: "PROHIBITED_CONTENT" }, usageMetadata }];
    const { status, text } = await ask({});
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({
      error: { code: "CONTENT_FILTERED", metadata: { provider_code: "PROHIBITED_CONTENT" } },
    });
  });

  it("ends a stream that Google breaks off with an error, as bare JSON", async () => {
    const broken = { error: { code: 503, message: "overloaded", status: "UNAVAILABLE" } };
    answers = [`data: ${JSON.stringify(said("Hel"))}\r\n\r\n${JSON.stringify(broken, null, 2)}\n`];
    const { status, text } = await ask({ stream: true });
    expect(status).toBe(200);
    expect(text).toContain('"content":"Hel"');
    expect(text).toContain('"failure_class":"OVERLOADED"');
    expect(text).not.toContain("[DONE]");
    expect(calls.at(-1)?.path).toMatch(/:streamGenerateContent\?alt=sse$/);
  });
});
