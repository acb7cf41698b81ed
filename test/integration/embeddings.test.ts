import { Door, RequestOutcome, UsageSource, VectorEncoding } from "@penstock/api";
import { PenstockError } from "@penstock/client";
import type { EmbedRequestInit } from "@penstock/client";
import {
  projectManifest,
  providerManifest,
  routeManifest,
  startConstellation,
} from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectedVector } from "./src/expected-vector.ts";

// Vectors go the way that answers go: routed, limited, metered, with fallback, through both doors.

let gateway: Constellation;
let key: string;
let openai: OpenAI;

/** A deployment of vectors; `space` where the model's name holds a fault. */
function embedding(id: string, provider: string, model: string, space = ""): string {
  return `kind: Deployment
name: deployments/${id}
provider: providers/${provider}
model: ${model}
vectorSpace: "${space}"
priceBook: priceBooks/${provider}
capabilities: { generation: false }
---
`;
}

const resources = (url: string): string =>
  [
    projectManifest("test"),
    providerManifest("alpha", `${url}/alpha/v1`, { inputUsd: "0.02", outputUsd: "5" }),
    providerManifest("beta", `${url}/beta/v1`, { inputUsd: "1000", outputUsd: "5" }),
    embedding("alpha", "alpha", "sim-embed"),
    embedding("beta", "beta", "sim-embed"),
    embedding("failing", "alpha", "sim-embed+status-503", "sim-embed"),
    embedding("broken", "alpha", "sim-embed+malformed-after-0", "sim-embed"),
    embedding("silent", "alpha", "sim-embed+no-usage"),
    embedding("other", "alpha", "alpha-small+status-500"),
    routeManifest("embed", ["alpha", "beta"]),
    routeManifest("dear", ["beta"]),
    routeManifest("failing", ["failing", "beta"]),
    routeManifest("broken", ["broken"]),
    routeManifest("silent", ["silent"]),
    routeManifest("mixed", ["other", "beta"]),
  ].join("");

beforeAll(async () => {
  gateway = await startConstellation({ resources });
  key = await gateway.issueKey("projects/test/virtualKeys/vectors");
  openai = clientOf(key);
});

afterAll(async () => {
  await gateway?.close();
});

function clientOf(apiKey: string): OpenAI {
  return new OpenAI({ baseURL: `${gateway.httpUrl}/v1`, apiKey, maxRetries: 0 });
}

const texts = ["the river bends twice", "grüß dich"];
type Inputs = Exclude<EmbedRequestInit["inputs"], undefined>;

function inputsOf(list: readonly string[]): Inputs {
  return list.map((text) => ({ input: { case: "text" as const, value: text } }));
}

describe("the official openai client", () => {
  it("gets vectors, whose numbers travel as base64 unless it asks otherwise", async () => {
    const call = openai.embeddings.create({ model: "embed", input: texts });
    const { data, response } = await call.withResponse();
    expect(data.data.map(({ embedding }) => [...embedding])).toEqual(
      texts.map((text) => expectedVector("sim-embed", text)),
    );
    expect(data.model).toBe("embed");
    expect(data.usage).toEqual({ prompt_tokens: 6, total_tokens: 6 });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "x-penstock-deployment": "deployments/alpha",
      "x-penstock-model": "sim-embed",
      "x-penstock-attempts": "1",
      "x-penstock-cost-usd": "0.00000012",
    });
  });

  it("asks for numbers, for a length, and with tokens", async () => {
    const plain = await openai.embeddings.create({
      model: "embed",
      input: [[1, 2, 3], [4]],
      dimensions: 7,
      encoding_format: "float",
    });
    expect(plain.data.map(({ embedding }) => embedding)).toEqual([
      expectedVector("sim-embed", "1,2,3", 7),
      expectedVector("sim-embed", "4", 7),
    ]);
    expect(plain.usage.prompt_tokens).toBe(4);
  });

  it("hears what is wrong, by field", async () => {
    const asked = openai.embeddings.create({ model: "embed", input: [] });
    const error = await asked.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ status: 400, code: "FIELD_INVALID", param: "input" });
    const unknown = openai.embeddings.create({ model: "nowhere", input: "x" });
    await expect(unknown).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });
});

describe("Embed over gRPC", () => {
  it("gets the same vectors, as numbers or as bytes", async () => {
    const client = gateway.grpcClient(key);
    const wanted = expectedVector("sim-embed", texts[0]!);
    const { response, headers } = await client.embed({ model: "embed", inputs: inputsOf(texts) });
    expect(response.embeddings[0]?.values).toEqual(wanted);
    expect(response.started).toMatchObject({
      requestId: headers.get("x-request-id"),
      model: "sim-embed",
      provider: "providers/alpha",
      deployment: "deployments/alpha",
      attempt: 1,
    });
    expect(response.finished).toMatchObject({ costNanoUsd: 120n, candidates: [], warnings: [] });
    expect(response.finished?.usage).toMatchObject({ inputTokens: 6n, outputTokens: 0n });
    const bytes = await client.embed({
      model: "embed",
      inputs: inputsOf(texts.slice(0, 1)),
      encoding: VectorEncoding.BYTES,
    });
    const data = Uint8Array.from(bytes.response.embeddings[0]?.data ?? []);
    expect([...new Float32Array(data.buffer)]).toEqual(wanted);
  });

  it("refuses by field what HTTP refuses", async () => {
    const client = gateway.grpcClient(key);
    const mixed: EmbedRequestInit = {
      model: "embed",
      dimensions: 0,
      inputs: [
        { input: { case: "text", value: "" } },
        { input: { case: "tokens", value: { tokens: [1] } } },
        {},
      ],
    };
    const error = await client.embed(mixed).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(PenstockError);
    expect((error as PenstockError).fieldViolations.map(({ field }) => field)).toEqual([
      "inputs[0].text",
      "inputs[1]",
      "inputs[2]",
      "dimensions",
    ]);
  });
});

describe("a request for vectors", () => {
  it("is recorded with its tokens and its cost", async () => {
    const call = openai.embeddings.create({ model: "embed", input: "one two three" });
    const { response } = await call.withResponse();
    const { record } = await gateway.request(response.headers.get("x-request-id") ?? "");
    expect(record?.event).toMatchObject({
      door: Door.OPENAI_EMBEDDINGS,
      model: "embed",
      stream: false,
      outcome: RequestOutcome.COMPLETED,
      usage: { inputTokens: 3n, outputTokens: 0n, source: UsageSource.REPORTED },
      costNanoUsd: 60n,
      finishReasons: [],
    });
  });

  it("is estimated, without any output, where the provider reports no usage", async () => {
    const call = openai.embeddings.create({ model: "silent", input: "one two three" });
    const { response } = await call.withResponse();
    const { record } = await gateway.request(response.headers.get("x-request-id") ?? "");
    expect(record?.event?.usage?.source).toBe(UsageSource.ESTIMATED);
    expect(record?.event?.usage?.outputTokens).toBe(0n);
    expect(record?.event?.usage?.inputTokens).toBeGreaterThan(0n);
  });

  it("falls back to a deployment of the same model, and the vectors are the same", async () => {
    const call = openai.embeddings.create({ model: "failing", input: texts });
    const { data, response } = await call.withResponse();
    expect(data.data.map(({ embedding }) => [...embedding])).toEqual(
      texts.map((text) => expectedVector("sim-embed", text)),
    );
    expect(response.headers.get("x-penstock-deployment")).toBe("deployments/beta");
    expect(response.headers.get("x-penstock-attempts")).toBe("2");
    const { record } = await gateway.request(response.headers.get("x-request-id") ?? "");
    expect(record?.event?.attempts.map(({ outcome }) => outcome)).toEqual(["OVERLOADED", "OK"]);
  });

  it("never falls back to another model: its vectors could not be compared", async () => {
    const http = await openai.embeddings
      .create({ model: "mixed", input: "x" })
      .catch((caught: unknown) => caught);
    expect(http).toBeInstanceOf(OpenAI.APIError);
    const requestId = (http as InstanceType<typeof OpenAI.APIError>).requestID ?? "";
    const calls = gateway.simulator.calls.list(requestId);
    expect(new Set(calls.map(({ vendor }) => vendor))).toEqual(new Set(["alpha"]));
    // Also when its first target is out of reach, and by whatever wish.
    const asked = gateway.grpcClient(key).embed({
      model: "mixed",
      inputs: inputsOf(["x"]),
      routing: { onlyProviders: ["providers/beta"] },
    });
    const refused = await asked.catch((caught: unknown) => caught);
    expect(refused).toMatchObject({ reason: "NO_TARGET_FITS" });
    expect(String(refused)).toContain(
      "deployments/beta: its vectors are of another model than those of deployments/other",
    );
  });

  it("fails as answers fail when what comes can't be read", async () => {
    const asked = gateway.grpcClient(key).embed({ model: "broken", inputs: inputsOf(["x"]) });
    await expect(asked).rejects.toMatchObject({ reason: "UPSTREAM_MALFORMED" });
  });

  it("goes to no deployment that writes answers alone, nor answers to one of vectors", async () => {
    const asked = openai.chat.completions.create({
      model: "embed",
      messages: [{ role: "user", content: "hi" }],
    });
    await expect(asked).rejects.toMatchObject({ status: 400, code: "NO_TARGET_FITS" });
  });
});

describe("limits and budgets", () => {
  const scoped = async (id: string, manifest: string): Promise<string> => {
    const name = `projects/test/virtualKeys/${id}`;
    const issued = await gateway.issueKey(name);
    await gateway.apply(`${manifest}scope: { virtualKey: ${name} }\nonUnavailable: DENY\n---\n`);
    return issued;
  };

  /** Eight tokens, which a caller that sends tokens is known to use. */
  const eight: { readonly inputs: Inputs } = {
    inputs: [{ input: { case: "tokens", value: { tokens: [1, 2, 3, 4, 5, 6, 7, 8] } } }],
  };

  it("count tokens of input exactly where tokens are sent", async () => {
    const own = await scoped("tokens", "kind: Limit\nname: limits/t\ntokensPerMinute: 20\n");
    const client = gateway.grpcClient(own);
    await client.embed({ model: "embed", ...eight });
    await client.embed({ model: "embed", ...eight });
    await expect(client.embed({ model: "embed", ...eight })).rejects.toMatchObject({
      reason: "LIMIT_EXCEEDED",
    });
    const http = clientOf(own).embeddings.create({ model: "embed", input: [1, 2, 3, 4, 5] });
    await expect(http).rejects.toBeInstanceOf(OpenAI.RateLimitError);
  });

  it("take what the tokens cost", async () => {
    const budget = `kind: Budget\nname: budgets/b\namountUsd: "0.02"\nperiod: DAY\n`;
    const client = gateway.grpcClient(await scoped("budget", budget));
    const first = await client.embed({ model: "dear", ...eight });
    expect(first.response.finished?.costNanoUsd).toBe(8_000_000n);
    await client.embed({ model: "dear", ...eight });
    await expect(client.embed({ model: "dear", ...eight })).rejects.toMatchObject({
      reason: "BUDGET_EXHAUSTED",
    });
  });
});
