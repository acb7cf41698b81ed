import { UsageSource } from "@penstock/api";
import { MessageRole } from "@penstock/client";
import { startConstellation } from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { prices, testGateway } from "./src/test-gateway.ts";

// What a key may ask for, what it costs, and how much of it a request would be: without asking.

let gateway: Constellation;
let key: string;

beforeAll(async () => {
  gateway = await startConstellation({
    resources: (url) =>
      testGateway(url).replace(
        "model: alpha-large+delay-0\n",
        (line) =>
          `${line}capabilities: { contextTokens: 128000, maxOutputTokens: 4096, tools: true }\n`,
      ) +
      `kind: Policy
name: policies/no-secrets
scope: { project: projects/test }
denyModels: [secret]
---
kind: Route
name: routes/secret
match: { models: [secret, plain] }
targets: [{ deployment: deployments/alpha }]
---
`,
  });
  key = await gateway.issueKey("projects/test/virtualKeys/models");
});

afterAll(async () => {
  await gateway?.close();
});

const text = "How deep is the penstock?";
const messages = [
  { role: MessageRole.USER, parts: [{ part: { case: "text" as const, value: { text } } }] },
];

describe("models", () => {
  it("are listed with prices, bounds and abilities, over gRPC", async () => {
    const { response } = await gateway.grpcClient(key).listModels();
    expect(response.models.map(({ name }) => name)).toEqual(["plain", "smart"]);
    const [plain, smart] = response.models;
    const perMillion = 1_000_000n;
    expect(plain?.facts).toMatchObject({
      prices: {
        inputNanoUsdPerMillionTokens: prices.alpha.input * perMillion,
        outputNanoUsdPerMillionTokens: prices.alpha.output * perMillion,
      },
      contextTokens: 128_000n,
      maxOutputTokens: 4_096n,
      capabilities: { tools: true, streaming: true },
    });
    // Beta is dearer, and does not say how much it holds.
    expect(smart?.facts?.prices?.inputNanoUsdPerMillionTokens).toBe(prices.beta.input * perMillion);
    expect(smart?.facts?.contextTokens).toBeUndefined();
    expect(smart?.targets).toMatchObject([
      { deployment: "deployments/alpha", facts: { contextTokens: 128_000n } },
      { deployment: "deployments/beta", provider: "providers/beta", model: "beta-large+delay-0" },
    ]);
  });

  it("are listed over HTTP, prices as decimal text", async () => {
    const openai = new OpenAI({ baseURL: `${gateway.httpUrl}/v1`, apiKey: key, maxRetries: 0 });
    const { data } = await openai.models.list();
    expect(data.map(({ id }) => id)).toEqual(["plain", "smart"]);
    const told = { input: "0.0000025", output: "0.00001" };
    expect(data[0]).toMatchObject({ pricing: told, context_window: 128_000, max_tokens: 4_096 });
    expect(await openai.models.retrieve("plain")).toEqual(data[0]);
  });
});

describe("CountTokens", () => {
  it("estimates, says so, and says for whom; nothing is asked or recorded", async () => {
    const before = gateway.simulator.calls.list().length;
    const { response } = await gateway.grpcClient(key).countTokens({ model: "smart", messages });
    expect(response).toMatchObject({
      source: UsageSource.ESTIMATED,
      route: "routes/smart",
      deployment: "deployments/alpha",
      provider: "providers/alpha",
      model: "alpha-large+delay-0",
    });
    const counted = Number(response.inputTokens);
    expect(counted).toBeGreaterThanOrEqual(5);
    expect(counted).toBeLessThan(30);
    expect(gateway.simulator.calls.list()).toHaveLength(before);
  });

  it("refuses what Generate refuses", async () => {
    const client = gateway.grpcClient(key);
    const refusal = async (model: string) => {
      const asked = client.countTokens({ model, messages });
      return asked.then(() => "counted").catch((error: { reason: string }) => error.reason);
    };
    expect(await refusal("nowhere")).toBe("MODEL_NOT_FOUND");
    expect(await refusal("secret")).toBe("MODEL_NOT_ALLOWED");
    await expect(client.countTokens({ model: "smart" })).rejects.toMatchObject({
      reason: "FIELD_INVALID",
    });
    const mistyped = `${key.slice(0, -1)}${key.endsWith("0") ? "1" : "0"}`;
    const stranger = gateway.grpcClient(mistyped);
    await expect(stranger.countTokens({ model: "smart", messages })).rejects.toMatchObject({
      reason: "KEY_INVALID",
    });
  });
});
