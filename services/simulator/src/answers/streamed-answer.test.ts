import { openaiChat } from "@penstock/formats";
import type { AnswerEnd, Format } from "@penstock/formats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { endpoints } from "../endpoints/endpoints.ts";
import type { Endpoint } from "../endpoints/endpoint.ts";
import { createSimulator } from "../service.ts";
import type { Simulator } from "../service.ts";

// Every fault in every format, as a client of that format sees it.

let simulator: Simulator;

beforeAll(async () => {
  const models = { fast: { firstTokenMs: 0, tokenIntervalMs: 0 } };
  simulator = await createSimulator({
    port: 0,
    bindAddress: "127.0.0.1",
    vendors: { alpha: { models } },
  });
});
afterAll(() => simulator.close());

interface Seen {
  readonly status: number;
  text: string;
  end: AnswerEnd | undefined;
  failure: string | undefined;
}

const asked = { model: "fast", max_completion_tokens: 100, messages: [] as unknown[] };
asked.messages.push({ role: "user", content: "hello" });
const { request } = openaiChat.readRequest(Buffer.from(JSON.stringify(asked)));
const quirks = {
  maxTokensField: "max_tokens",
  sendsDeveloperRole: true,
  supportsStreamUsage: true,
} as const;

function post(endpoint: Endpoint, fault: string, stream: boolean): Promise<Response> {
  const { format, paths } = endpoint;
  const path = paths.find((one) => (one.stream ?? stream) === stream)?.path ?? "";
  return fetch(`${simulator.url}/alpha${path.replace("{model}", "fast")}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-simulator-fault": fault },
    body: format.writeRequest(request, { model: "fast", stream, quirks }),
    signal: AbortSignal.timeout(10_000),
  });
}

/** Reads a stream as a client of the format does; leaves it when the text is `enough`. */
async function read(format: Format, response: Response, enough = "never"): Promise<Seen> {
  const seen: Seen = { status: response.status, text: "", end: undefined, failure: undefined };
  const reader = format.createStreamReader({
    event(event) {
      if (event.case !== "blockDelta" || event.value.delta.case !== "text") return;
      seen.text += event.value.delta.value;
    },
    flush: () => undefined,
    finish: (end) => (seen.end = end),
    fail: (error) => (seen.failure = error.metadata["failure_class"]),
  });
  try {
    for await (const bytes of response.body ?? []) {
      reader.push(bytes);
      if (seen.text === enough) return seen;
    }
  } catch {
    // The connection broke: what came so far is all there is.
  }
  reader.end();
  return seen;
}

const table = endpoints.map((endpoint) => ({ endpoint, name: endpoint.format.name }));

describe.each(table)("$name", ({ endpoint }) => {
  const { format } = endpoint;

  it("streams what it says whole, with the same usage", async () => {
    const whole = await post(endpoint, "", false);
    expect(whole.headers.get(endpoint.dialect.requestIdHeader)).toMatch(/^sim-/);
    const { candidates, end } = format.readResponse(new Uint8Array(await whole.arrayBuffer()));
    const seen = await read(format, await post(endpoint, "", true));
    const [part] = candidates[0]?.parts ?? [];
    expect(part?.part.case === "text" ? part.part.value.text : "").toBe(seen.text);
    expect(seen.text).toMatch(/^fast received 1 messages of 4 tokens /);
    expect(seen.end?.usage).toMatchObject({ inputTokens: 4n, outputTokens: 24n });
    expect(end.usage).toEqual(seen.end?.usage);
  });

  it.each([
    ["cut-after-3", "fast received 1", /STREAM_BROKEN|MALFORMED/],
    ["end-after-3", "fast received 1", /STREAM_BROKEN/],
    ["malformed-after-3", "fast received 1", /STREAM_BROKEN|MALFORMED/],
    ["error-after-3", "fast received 1", /OVERLOADED/],
    ["server-error+error-after-3", "fast received 1", /UPSTREAM_ERROR/],
    ["cut-after-0", "", /STREAM_BROKEN|MALFORMED/],
    ["end-after-0", "", /STREAM_BROKEN/],
    ["error-after-0", "", /OVERLOADED/],
  ])("%s breaks a stream there", async (fault, text, failure) => {
    const seen = await read(format, await post(endpoint, fault, true));
    expect(seen).toMatchObject({ status: 200, text, end: undefined });
    expect(seen.failure).toMatch(failure);
  });

  it("leaves out the end, all else being there", async () => {
    const seen = await read(format, await post(endpoint, "no-end", true));
    expect(seen.text.split(" ")).toHaveLength(24);
    expect([seen.end, seen.failure]).toEqual([undefined, "STREAM_BROKEN"]);
  });

  it.each(["stall-after-3", "ping-after-3"])("%s goes on for nobody", async (fault) => {
    const seen = await read(format, await post(endpoint, fault, true), "fast received 1");
    expect([seen.end, seen.failure]).toEqual([undefined, undefined]);
    await expect.poll(() => simulator.calls.list().at(-1)?.end).toBe("closed_by_caller");
  });

  it.each(["malformed-after-0", "no-end", "error-after-0"])(
    "%s breaks whole answers",
    async (fault) => {
      const body = new Uint8Array(await (await post(endpoint, fault, false)).arrayBuffer());
      expect(() => format.readResponse(body)).toThrow();
    },
  );

  it("thinks, declines and is cut short in its own words", async () => {
    const thought = await read(format, await post(endpoint, "reasoning-5", true));
    expect(thought.end?.usage?.outputTokens).toBe(29n);
    const declined = await read(format, await post(endpoint, "refusal", true));
    expect(declined.failure).toBeUndefined();
    expect(declined.end?.candidates).toHaveLength(1);
  });
});
