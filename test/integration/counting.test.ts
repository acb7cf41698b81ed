import { rmSync, writeFileSync } from "node:fs";
import Anthropic, { RateLimitError } from "@anthropic-ai/sdk";
import { CountEstimateReason, RequestOutcome, UsageSource } from "@penstock/api";
import { MessageRole } from "@penstock/client";
import {
  deploymentManifest,
  projectManifest,
  routeManifest,
  startConstellation,
} from "@penstock/test-support";
import type { Constellation, RouterDoors } from "@penstock/test-support";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { simulatedKeyFile } from "./src/matrix/upstreams.ts";

// Counts of tokens by the providers that would answer, through both doors; and how they fail.

const vertexPrefix = "/v1/projects/sim/locations/global";
const kinds = [
  { id: "claude", kind: "anthropic", path: "/v1", more: "" },
  { id: "gemini", kind: "google-gemini", path: "/v1beta", more: "" },
  { id: "vertex", kind: "google-vertex", path: vertexPrefix, more: "" },
  { id: "gpt", kind: "openai", path: "/v1", more: "format: openai-responses\n" },
  { id: "bedrock", kind: "aws-bedrock", path: "", more: "" },
] as const;

function providerOf(id: string, kind: string, baseUrl: string): string {
  return `kind: Provider
name: providers/${id}
providerKind: ${kind}
baseUrl: ${baseUrl}
privateNetwork: true
credential: file:${simulatedKeyFile}
---
kind: PriceBook
name: priceBooks/${id}
source: made up for a test
prices: [{ model: "*", inputUsdPerMillionTokens: "1", outputUsdPerMillionTokens: "2" }]
---
`;
}

const model = "alpha-large+delay-0";
const faults = ["count-server-error", "count-status-404", "count-hang", "count-malformed-after-1"];

function resources(url: string): string {
  const vendor = `${url}/alpha`;
  return [
    projectManifest("test"),
    ...kinds.map(({ id, kind, path }) => providerOf(id, kind, vendor + path)),
    ...kinds.map(({ id, more }) =>
      deploymentManifest(id, id, model).replace(`model: ${model}\n`, (line) => line + more),
    ),
    ...kinds.map(({ id }) => routeManifest(id, [id])),
    ...faults.map((fault) => deploymentManifest(fault, "claude", `${model}+${fault}`)),
    ...faults.map((fault) => routeManifest(fault, [fault])),
    deploymentManifest("waits", "claude", `${model}+count-hang`),
    routeManifest("waits", ["waits"]),
    deploymentManifest("flaky", "claude", `${model}+count-overloaded`),
    routeManifest("flaky", ["flaky", "gemini"]),
    `kind: Limit
name: limits/two
scope: { project: projects/test }
selector: { tag: { key: limited, value: "yes" } }
requestsPerMinute: 2
---
`,
  ].join("");
}

let gateway: Constellation;
let key: string;
let client: Anthropic;
let openai: OpenAI;

beforeAll(async () => {
  writeFileSync(simulatedKeyFile, "simulated");
  gateway = await startConstellation({ resources });
  key = await gateway.issueKey("projects/test/virtualKeys/counts");
  client = new Anthropic({ baseURL: gateway.httpUrl, apiKey: key, maxRetries: 0 });
  openai = new OpenAI({ baseURL: `${gateway.httpUrl}/v1`, apiKey: key, maxRetries: 0 });
});
afterAll(async () => {
  rmSync(simulatedKeyFile, { force: true });
  await gateway?.close();
});

/** What a router remembers and bounds is its own. */
function oneRouter(): RouterDoors {
  const [router] = gateway.routers;
  if (router === undefined) throw new Error("there is one at least");
  return router;
}

const text = "How deep is the penstock, and how wide?";
const asked = { system: "You are brief.", messages: [{ role: "user" as const, content: text }] };
const part = (said: string) => ({ part: { case: "text" as const, value: { text: said } } });
const messages = [
  { role: MessageRole.SYSTEM, parts: [part(asked.system)] },
  { role: MessageRole.USER, parts: [part(text)] },
];

describe.each(kinds)("a target of kind $kind", ({ id }) => {
  it("is billed with what its provider counted, over both doors", async () => {
    const call = client.messages.countTokens({ model: id, ...asked });
    const { data, response } = await call.withResponse();
    const header = (name: string) => response.headers.get(`x-penstock-${name}`);
    expect([header("token-source"), header("deployment"), header("attempts")]).toEqual([
      "reported",
      `deployments/${id}`,
      "1",
    ]);
    const { usage } = await client.messages.create({ model: id, max_tokens: 50, ...asked });
    expect(data.input_tokens).toBe(usage.input_tokens);
    const { response: count } = await gateway.grpcClient(key).countTokens({ model: id, messages });
    expect(count).toMatchObject({
      inputTokens: BigInt(usage.input_tokens),
      source: UsageSource.REPORTED,
      deployment: `deployments/${id}`,
      provider: `providers/${id}`,
      estimateReason: CountEstimateReason.UNSPECIFIED,
    });
    const requestId = response.headers.get("x-request-id") ?? "";
    const { record } = await gateway.request(requestId);
    expect(record?.event).toMatchObject({
      countTokens: true,
      outcome: RequestOutcome.COMPLETED,
      attempts: [{ outcome: "OK", deployment: `deployments/${id}` }],
    });
    expect([record?.event?.usage, record?.event?.costNanoUsd ?? 0n]).toEqual([undefined, 0n]);
  });

  it("is named by explain", async () => {
    const virtualKey = "projects/test/virtualKeys/counts";
    const { counting } = await gateway.router.explainRequest({
      virtualKey,
      request: { model: id },
    });
    expect(counting).toMatchObject({ chosen: true, name: `deployments/${id}` });
    expect(counting?.reason).toContain(`providers/${id}`);
  });
});

describe("the official client of OpenAI", () => {
  it("counts the input of a response", async () => {
    const input = { instructions: asked.system, input: text };
    const call = openai.responses.inputTokens.count({ model: "gpt", ...input });
    const { data, response } = await call.withResponse();
    const { usage } = await openai.responses.create({ model: "gpt", ...input });
    expect(data).toMatchObject({
      object: "response.input_tokens",
      input_tokens: usage?.input_tokens,
    });
    expect(response.headers.get("x-penstock-token-source")).toBe("reported");
    const [call0] = gateway.simulator.calls.list(response.headers.get("x-request-id") ?? "");
    expect(call0?.format).toBe("openai-input-tokens");
    // Another format counts as well.
    const other = await openai.responses.inputTokens.count({ model: "claude", ...input });
    expect(other.input_tokens).toBe(usage?.input_tokens);
    const nowhere = openai.responses.inputTokens.count({ model: "nowhere", ...input });
    await expect(nowhere).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });
});

describe("a counting endpoint that fails", () => {
  it("leads to the next target that counts", async () => {
    const call = client.messages.countTokens({ model: "flaky", ...asked });
    const { response } = await call.withResponse();
    expect(response.headers.get("x-penstock-token-source")).toBe("reported");
    expect(response.headers.get("x-penstock-deployment")).toBe("deployments/gemini");
    expect(response.headers.get("x-penstock-attempts")).toBe("2");
    const log = response.headers.get("x-penstock-attempt-log");
    expect(log).toMatch(/^1 deployments\/flaky OVERLOADED 529 \d+ms$/);
  });

  it.each(faults)("with %s leads to an estimate, and leaves answers alone", async (fault) => {
    const counts = gateway.grpcClient(key, oneRouter());
    const { response } = await counts.countTokens({ model: fault, messages });
    expect(response).toMatchObject({
      source: UsageSource.ESTIMATED,
      estimateReason: CountEstimateReason.FAILED,
      deployment: `deployments/${fault}`,
    });
    expect(response.inputTokens).toBeGreaterThan(5n);
    expect(response.estimateDetail).toContain("counting ended as");
    const again = await counts.countTokens({ model: fault, messages });
    expect(again.response.estimateReason).toBe(CountEstimateReason.UNAVAILABLE);
    const answered = await client.messages.create({ model: fault, max_tokens: 50, ...asked });
    expect(answered.stop_reason).toBe("end_turn");
  });
});

describe("what holds for all calls holds for counts", () => {
  it("the requests that a key may have open", async () => {
    const fields = { maxConcurrentRequests: 1 };
    const single = await gateway.issueKey("projects/test/virtualKeys/single", fields);
    const router = oneRouter();
    const own = new Anthropic({ baseURL: router.httpUrl, apiKey: single, maxRetries: 0 });
    const before = gateway.simulator.calls.list().length;
    const first = own.messages.countTokens({ model: "waits", ...asked }).asResponse();
    await expect.poll(() => gateway.simulator.calls.list().length).toBe(before + 1);
    const second = own.messages.countTokens({ model: "claude", ...asked });
    await expect(second).rejects.toBeInstanceOf(RateLimitError);
    const third = gateway.grpcClient(single, router).countTokens({ model: "claude", messages });
    await expect(third).rejects.toMatchObject({ reason: "LIMIT_EXCEEDED" });
    expect((await first).headers.get("x-penstock-token-source")).toBe("estimated");
    await own.messages.countTokens({ model: "claude", ...asked });
  });

  it("limits on requests: above them it is an estimate", async () => {
    const counts = gateway.grpcClient(key);
    const labels = { limited: "yes" };
    const sources: UsageSource[] = [];
    for (let at = 0; at < 3; at += 1) {
      const { response } = await counts.countTokens({ model: "claude", messages, labels });
      sources.push(response.source);
      if (at < 2) continue;
      expect(response.estimateReason).toBe(CountEstimateReason.LIMITED);
      expect(response.estimateDetail).toContain("limits/two");
    }
    const { REPORTED, ESTIMATED } = UsageSource;
    expect(sources).toEqual([REPORTED, REPORTED, ESTIMATED]);
  });
});
