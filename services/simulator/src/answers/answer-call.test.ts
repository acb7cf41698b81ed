import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createSimulator } from "../service.ts";
import type { Simulator } from "../service.ts";

/** The parts of an answer that are looked at. */
interface Body {
  readonly choices?: readonly {
    readonly finish_reason: string;
    readonly message: { readonly refusal?: string; readonly tool_calls?: readonly unknown[] };
  }[];
  readonly usage?: unknown;
  readonly error?: unknown;
}

let simulator: Simulator;

beforeAll(async () => {
  const fast = { firstTokenMs: 0, tokenIntervalMs: 0 };
  const vendors = { alpha: { models: { fast } } };
  simulator = await createSimulator({ port: 0, bindAddress: "127.0.0.1", vendors });
});
afterAll(() => simulator.close());
beforeEach(() => simulator.calls.clear());

const hello = { role: "user", content: "hello" };

function ask(model: string, fields: Record<string, unknown> = {}): Promise<Response> {
  return fetch(`${simulator.url}/alpha/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, messages: [hello], ...fields }),
    signal: AbortSignal.timeout(10_000),
  });
}

async function json(response: Response): Promise<Body> {
  return (await response.json()) as Body;
}

const invalid = "invalid_request_error";

describe("errors in OpenAI's words", () => {
  it.each([
    ["rate-limit", 429, "requests", "rate_limit_exceeded"],
    ["insufficient-quota", 429, "insufficient_quota", "insufficient_quota"],
    ["overloaded", 503, "service_unavailable_error", "server_is_overloaded"],
    ["server-error", 500, "server_error", null],
    ["invalid-key", 401, invalid, "invalid_api_key"],
    ["forbidden", 403, "request_forbidden", "unsupported_country_region_territory"],
    ["too-large", 413, invalid, null],
    ["unprocessable", 422, invalid, null],
    ["context-length", 400, invalid, "context_length_exceeded"],
    ["content-filter", 400, invalid, "content_filter"],
    ["status-529", 529, "service_unavailable_error", "server_is_overloaded"],
    ["status-404", 404, invalid, "model_not_found"],
  ])("%s", async (fault, status, type, code) => {
    const response = await ask(`fast+${fault}`);
    expect(response.status).toBe(status);
    expect(await json(response)).toMatchObject({ error: { type, code } });
    expect(response.headers.get("x-request-id")).toMatch(/^sim-\d+$/);
  });

  it("come inside an answer where they are told to", async () => {
    const model = "fast+insufficient-quota+error-after-2";
    const whole = await ask(model);
    expect(whole.status).toBe(200);
    expect(await json(whole)).toMatchObject({ error: { type: "insufficient_quota" } });
    const stream = await (await ask(model, { stream: true })).text();
    expect(stream).toContain('"fast"');
    expect(stream).toContain('"insufficient_quota"');
    expect(stream).not.toContain("[DONE]");
  });
});

describe("waits", () => {
  it("are told in milliseconds, as a date or only in words", async () => {
    const soon = await ask("fast+rate-limit+retry-after-ms-250");
    expect(soon.headers.get("retry-after-ms")).toBe("250");
    const dated = await ask("fast+rate-limit+retry-after-date-60");
    const date = Date.parse(dated.headers.get("retry-after") ?? "");
    expect(Math.abs(date - Date.now() - 60_000)).toBeLessThan(5_000);
    const worded = await ask("fast+rate-limit+retry-after-prose-9");
    expect(worded.headers.get("retry-after")).toBeNull();
    expect(await json(worded)).toMatchObject({
      error: { message: "simulated rate_limit Please try again in 9s." },
    });
  });
});

describe("a model that fails sometimes", () => {
  it("fails its first calls or every second one", async () => {
    const statuses = async (model: string): Promise<number[]> => {
      const seen: number[] = [];
      for (let at = 0; at < 4; at += 1) seen.push((await ask(model)).status);
      return seen;
    };
    expect(await statuses("fast+first-1+status-500")).toEqual([500, 200, 200, 200]);
    expect(await statuses("fast+every-2+overloaded")).toEqual([200, 503, 200, 503]);
  });
});

describe("a model that does not take everything", () => {
  it("refuses a field, a long conversation and a prefill", async () => {
    expect((await ask("fast+rejects-temperature")).status).toBe(200);
    const field = await ask("fast+rejects-temperature", { temperature: 1 });
    expect(await json(field)).toMatchObject({
      error: { code: "unsupported_parameter", param: "temperature" },
    });
    expect((await ask("fast+context-4")).status).toBe(200);
    const long = await ask("fast+context-3");
    expect(await json(long)).toMatchObject({ error: { code: "context_length_exceeded" } });
    expect((await ask("fast+rejects-prefill")).status).toBe(200);
    const messages = [
      { role: "user", content: "hello" },
      { role: "assistant", content: "he" },
    ];
    const prefill = await ask("fast+rejects-prefill", { messages });
    expect(prefill.status).toBe(400);
    expect(simulator.calls.list().map(({ status }) => status)).toEqual([
      200, 400, 200, 400, 200, 400,
    ]);
  });

  it("serves by the tier that is asked for, or by another one, and tells of it", async () => {
    const tierOf = async (model: string, service_tier?: string): Promise<unknown> =>
      ((await json(await ask(model, { service_tier }))) as { service_tier?: string }).service_tier;
    expect(await tierOf("fast", "flex")).toBe("flex");
    expect(await tierOf("fast", "fast")).toBe("priority");
    expect(await tierOf("fast")).toBeUndefined();
    expect(await tierOf("fast+served-as-default", "priority")).toBe("default");
    expect((await ask("fast+served-as-")).status).toBe(400);
  });

  it("admits so many requests a minute, and tells of it", async () => {
    const admitted = await ask("fast+rpm-1");
    expect(admitted.headers.get("x-ratelimit-limit-requests")).toBe("1");
    expect(admitted.headers.get("x-ratelimit-remaining-requests")).toBe("0");
    expect(admitted.headers.get("x-ratelimit-reset-requests")).toMatch(/^(?:60000|5\d{4})ms$/);
    const refused = await ask("fast+rpm-1");
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(50);
    expect(refused.headers.get("x-ratelimit-remaining-requests")).toBe("0");
    expect((await ask("fast")).headers.get("x-ratelimit-limit-requests")).toBeNull();
    const tokens = await ask("fast+tpm-100");
    expect(tokens.headers.get("x-ratelimit-remaining-tokens")).toBe("96");
  });
});

describe("answers of other kinds", () => {
  it("declines", async () => {
    const { choices = [] } = await json(await ask("fast+refusal"));
    expect(choices[0]).toMatchObject({
      finish_reason: "content_filter",
      message: { refusal: "I can't help with that." },
    });
  });

  it("calls several tools", async () => {
    const tools = ["a", "b"].map((name) => ({ type: "function", function: { name } }));
    const { choices = [] } = await json(await ask("fast+calls-2", { tools }));
    expect(choices[0]?.message.tool_calls).toHaveLength(2);
  });

  it("reports what it kept of a long prompt", async () => {
    const messages = [{ role: "user", content: "word ".repeat(1_100) }];
    await (await ask("fast", { messages })).text();
    const again = await json(await ask("fast", { messages }));
    expect(again.usage).toMatchObject({
      prompt_tokens: 1_103,
      prompt_tokens_details: { cached_tokens: 1_103 },
    });
  });

  it("keeps a prompt up to a mark, where its format has marks", async () => {
    const system = [
      { type: "text", text: "one two three", cache_control: { type: "ephemeral" } },
      { type: "text", text: "four" },
    ];
    const body = { model: "fast", max_tokens: 9, system, messages: [hello] };
    const usages: unknown[] = [];
    for (let turn = 0; turn < 2; turn += 1) {
      const response = await fetch(`${simulator.url}/alpha/v1/messages`, {
        method: "POST",
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(10_000),
      });
      usages.push((await json(response)).usage);
    }
    expect(usages).toMatchObject([
      { input_tokens: 5, cache_creation_input_tokens: 6, cache_read_input_tokens: 0 },
      { input_tokens: 5, cache_creation_input_tokens: 0, cache_read_input_tokens: 6 },
    ]);
  });

  it("opens a stream long before its first content", async () => {
    const response = await ask("fast+slow-content-60000", { stream: true });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toContain('"role":"assistant"');
    await reader?.cancel();
    await expect.poll(() => simulator.calls.list()[0]?.end).toBe("closed_by_caller");
    expect(simulator.calls.list()[0]?.sentTokens).toBe(0);
  });

  it("leaves out the end, all else being there", async () => {
    const stream = await (await ask("fast+no-end", { stream: true })).text();
    expect(stream).not.toContain("[DONE]");
    expect(stream.match(/"content":"[^"]/g)).toHaveLength(24);
    const whole = await (await ask("fast+no-end")).text();
    expect(() => JSON.parse(whole) as unknown).toThrow("JSON");
    expect(JSON.parse(`${whole}}`)).toMatchObject({ usage: { completion_tokens: 24 } });
    expect(simulator.calls.list().map(({ end }) => end)).toEqual(["fault", "fault"]);
  });
});
