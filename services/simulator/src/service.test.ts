import { connect } from "node:net";
import { once } from "node:events";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { SimulatedCall } from "./call-log.ts";
import { knownFaults } from "./fault-names.ts";
import { createSimulator } from "./service.ts";
import type { Simulator } from "./service.ts";

/** The parts of an answer that are looked at. */
interface Completion {
  choices: { message: { content: string }; finish_reason: string }[];
}

const fast = { firstTokenMs: 0, tokenIntervalMs: 0 };
let simulator: Simulator;

beforeAll(async () => {
  simulator = await createSimulator({
    port: 0,
    bindAddress: "127.0.0.1",
    vendors: { alpha: { models: { fast, slow: { firstTokenMs: 60_000, tokenIntervalMs: 0 } } } },
  });
});
afterAll(() => simulator.close());
beforeEach(() => simulator.calls.clear());

function ask(fields: Record<string, unknown>, headers: Record<string, string> = {}) {
  return fetch(`${simulator.url}/alpha/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-request-id": "r.1", ...headers },
    body: JSON.stringify({ messages: [{ role: "user", content: "hello" }], ...fields }),
    signal: AbortSignal.timeout(10_000),
  });
}

/** The log's entry of the only call, once it has ended. */
async function ended(): Promise<SimulatedCall> {
  await expect.poll(() => simulator.calls.list()[0]?.end ?? "open").not.toBe("open");
  const [entry] = simulator.calls.list();
  if (entry === undefined) throw new Error("nothing was logged");
  expect(entry.endTime).toMatch(/^\d{4}-.*Z$/);
  return entry;
}

async function json<Body>(response: Response | Promise<Response>): Promise<Body> {
  return (await (await response).json()) as Body;
}

async function errorOf(response: Response): Promise<{ message: string }> {
  return (await json<{ error: { message: string } }>(response)).error;
}

async function listed(query: string): Promise<SimulatedCall[]> {
  return (await json<{ calls: SimulatedCall[] }>(fetch(`${simulator.url}/calls${query}`))).calls;
}

/** What arrived of a body, and whether it ended in the regular way. */
async function received(response: Response): Promise<{ text: string; broken: boolean }> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const bytes of response.body ?? []) text += decoder.decode(bytes, { stream: true });
  } catch {
    return { text, broken: true };
  }
  return { text, broken: false };
}

describe("a healthy model", () => {
  it("answers whole, and the log says the same", async () => {
    const response = await ask({ model: "fast" });
    const body = await json<Completion>(response);
    expect(body).toMatchObject({
      model: "fast",
      usage: { prompt_tokens: 4, completion_tokens: 24, total_tokens: 28 },
    });
    expect(body.choices[0]).toMatchObject({ finish_reason: "stop" });
    expect(body.choices[0]?.message.content).toMatch(/^fast received 1 messages of 4 tokens /);
    expect(await ended()).toMatchObject({
      vendor: "alpha",
      model: "fast",
      format: "openai-chat",
      requestId: "r.1",
      stream: false,
      status: 200,
      inputTokens: 4,
      sentTokens: 24,
      reportedOutputTokens: 24,
      end: "complete",
    });
  });

  it("streams the same text, with usage only where it was asked for", async () => {
    const whole = await json<Completion>(ask({ model: "fast" }));
    const asked = { model: "fast", stream: true };
    const text = await (await ask({ ...asked, stream_options: { include_usage: true } })).text();
    const chunks = text
      .split("\n\n")
      .filter((line) => line.startsWith("data: {"))
      .map((line) => JSON.parse(line.slice(6)));
    const said = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
    expect(said).toBe(whole.choices[0]?.message.content);
    expect(chunks.at(-1).usage).toMatchObject({ prompt_tokens: 4, completion_tokens: 24 });
    expect(text.trimEnd().endsWith("data: [DONE]")).toBe(true);
    const bare = await (await ask(asked)).text();
    expect(bare).not.toContain('"completion_tokens"');
    await expect.poll(() => simulator.calls.list().map(({ end }) => end)).not.toContain("open");
    const reported = simulator.calls.list().map((call) => call.reportedOutputTokens);
    expect(reported).toEqual([24, 24, 0]);
  });

  it("notes a caller that goes away", async () => {
    const response = await ask({ model: "fast+delay-60000", stream: true });
    await response.body?.cancel();
    expect(await ended()).toMatchObject({ end: "closed_by_caller", sentTokens: 1 });
  });
});

describe("faults before an answer", () => {
  it.each([
    ["status-503", 503, null],
    ["status-429+retry-after-7", 429, "7"],
    ["status-500", 500, null],
  ])("%s answers %i", async (fault, status, retryAfter) => {
    const response = await ask({ model: `fast+${fault}` });
    expect(response.status).toBe(status);
    expect(response.headers.get("retry-after")).toBe(retryAfter);
    expect(await errorOf(response)).toMatchObject({ message: `simulated ${status}` });
    expect(await ended()).toMatchObject({ status, end: "fault", sentTokens: 0 });
  });

  it("resets the connection", async () => {
    await expect(ask({ model: "fast+reset" })).rejects.toThrow("fetch failed");
    expect(await ended()).toMatchObject({ end: "fault", status: 0 });
  });

  it.each(["fast+hang", "slow"])("%s says nothing until the caller goes", async (model) => {
    const patience = new AbortController();
    const answer = fetch(`${simulator.url}/alpha/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ model, messages: [{ role: "user", content: "hello" }] }),
      signal: patience.signal,
    });
    await expect.poll(() => simulator.calls.list()).toHaveLength(1);
    patience.abort();
    await expect(answer).rejects.toThrow("abort");
    expect(await ended()).toMatchObject({ end: "closed_by_caller", status: 0 });
  });

  it("answers a web page", async () => {
    const response = await ask({ model: "fast+html" });
    expect(await response.text()).toContain("<html>");
    expect(await ended()).toMatchObject({ end: "fault", status: 200 });
  });

  it("takes faults from a header too", async () => {
    expect((await ask({ model: "fast" }, { "x-simulator-fault": "status-418" })).status).toBe(418);
  });
});

describe("faults inside a stream", () => {
  it.each([
    ["cut-after-3", true, 3],
    ["cut-after-0", true, 0],
    ["end-after-3", false, 3],
    ["malformed-after-3", false, 3],
    ["error-after-3", false, 3],
  ])("%s", async (fault, broken, tokens) => {
    const response = await ask({ model: `fast+${fault}`, stream: true });
    expect(response.status).toBe(200);
    const got = await received(response);
    expect(got.broken).toBe(broken);
    expect(got.text).not.toContain("[DONE]");
    expect(got.text.includes("received")).toBe(tokens > 1);
    expect(got.text.includes("{no json")).toBe(fault.startsWith("malformed"));
    expect(got.text.includes("server_is_overloaded")).toBe(fault.startsWith("error"));
    const entry = { end: "fault", sentTokens: tokens, reportedOutputTokens: 0 };
    expect(await ended()).toMatchObject(entry);
  });

  it.each(["stall-after-2", "ping-after-2"])("%s goes silent after its tokens", async (fault) => {
    const response = await ask({ model: `fast+${fault}`, stream: true });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    const enough = fault.startsWith("ping") ? ": " : "received";
    while (!text.includes(enough)) text += (await reader?.read())?.value ?? "";
    await reader?.cancel();
    expect(await ended()).toMatchObject({ end: "closed_by_caller", sentTokens: 2 });
  });
});

describe("faults inside a whole answer", () => {
  it("cuts the document in the middle", async () => {
    await expect((await ask({ model: "fast+cut-after-3" })).json()).rejects.toThrow("terminated");
    expect(await ended()).toMatchObject({ end: "fault", sentTokens: 0, reportedOutputTokens: 0 });
  });

  it("sends half a document as if it were all", async () => {
    await expect((await ask({ model: "fast+malformed-after-3" })).json()).rejects.toThrow("JSON");
    expect(await ended()).toMatchObject({ end: "fault", reportedOutputTokens: 0 });
  });

  it("sends an error with status 200", async () => {
    const response = await ask({ model: "fast+error-after-0" });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ error: { code: "server_is_overloaded" } });
    expect(await ended()).toMatchObject({ end: "fault", reportedOutputTokens: 0 });
  });

  it("leaves usage out", async () => {
    const body = await (await ask({ model: "fast+no-usage" })).json();
    expect(body).not.toHaveProperty("usage");
    expect(await ended()).toMatchObject({
      end: "complete",
      sentTokens: 24,
      reportedOutputTokens: 0,
    });
  });
});

describe("what it does not serve", () => {
  it.each([
    ["/constructor/v1/chat/completions", { model: "fast" }, 404, "does not serve"],
    ["/gamma/v1/chat/completions", { model: "fast" }, 404, "does not serve"],
    ["/alpha/v1/chat/completions", { model: "constructor" }, 404, "does not exist"],
    ["/alpha/v1/chat/completions", { model: "fast+statsu-503" }, 400, "unknown fault"],
    ["/alpha/v1/chat/completions", { model: 7 }, 400, "model"],
  ])("%s %j is answered with %i", async (path, fields, status, message) => {
    const response = await fetch(`${simulator.url}${path}`, {
      method: "POST",
      body: JSON.stringify({ messages: [{ role: "user", content: "hello" }], ...fields }),
    });
    expect(response.status).toBe(status);
    expect((await errorOf(response)).message).toContain(message);
  });

  it("survives a request line that is no URL", async () => {
    const socket = connect(Number(new URL(simulator.url).port), "127.0.0.1");
    socket.end("GET // HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    const [head] = await once(socket, "data");
    expect(String(head)).toMatch(/^HTTP\/1.1 404 /);
  });
});

describe("GET /calls", () => {
  it("lists calls of one request id, and forgets them", async () => {
    await (await ask({ model: "fast" })).text();
    await (await ask({ model: "fast" }, { "x-request-id": "other.1" })).text();
    expect(await listed("")).toHaveLength(2);
    expect(await listed("?request_id=other.")).toMatchObject([{ requestId: "other.1" }]);
    expect((await fetch(`${simulator.url}/calls`, { method: "DELETE" })).status).toBe(204);
    expect(await listed("")).toEqual([]);
  });
});

it("introduces itself: vendors, models and every fault", async () => {
  const text = await (await fetch(`${simulator.url}/`)).text();
  expect(text).toContain("POST /VENDOR/v1/chat/completions    openai-chat");
  expect(text).toContain("alpha: fast, slow");
  for (const fault of knownFaults()) expect(text).toContain(`\n  ${fault}\n`);
});
