import { BlockKind } from "@penstock/api";
import { formats, openaiChat } from "@penstock/formats";
import type { Format, StreamEvent } from "@penstock/formats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { endpoints } from "./endpoints/endpoints.ts";
import { createSimulator } from "./service.ts";
import type { Simulator } from "./service.ts";

// The paths of the Gemini API and of Vertex AI, which name model and stream where bodies don't.

const { "google-generate-content": google } = formats;
let simulator: Simulator;

beforeAll(async () => {
  const fast = { firstTokenMs: 0, tokenIntervalMs: 0 };
  const vendors = { alpha: { models: { fast } } };
  simulator = await createSimulator({ port: 0, bindAddress: "127.0.0.1", vendors });
});
afterAll(() => simulator.close());

function ask(path: string): Promise<Response> {
  return fetch(`${simulator.url}/alpha${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ contents: [{ role: "user", parts: [{ text: "hello" }] }] }),
    signal: AbortSignal.timeout(10_000),
  });
}

const prefixes = ["/v1beta", "/v1/projects/sim/locations/global/publishers/google"];

it.each(prefixes)("answers at %s as a whole", async (prefix) => {
  const response = await ask(`${prefix}/models/fast:generateContent`);
  expect(response.status).toBe(200);
  const { candidates, end } = google.readResponse(await response.bytes());
  expect(end.model).toBe("fast");
  expect(end.usage?.outputTokens).toBeGreaterThan(0n);
  expect(candidates[0]?.finish.rawReason).toBe("STOP");
});

it.each(prefixes)("answers at %s as a stream", async (prefix) => {
  const response = await ask(`${prefix}/models/fast:streamGenerateContent?alt=sse`);
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  let ended = "";
  const reader = google.createStreamReader({
    event: () => undefined,
    flush: () => undefined,
    finish: ({ candidates }) => (ended = candidates.map(({ rawReason }) => rawReason).join()),
    fail: (error) => (ended = error.message),
  });
  reader.push(await response.bytes());
  reader.end();
  expect(ended).toBe("STOP");
});

it("knows no other models or methods", async () => {
  expect((await ask("/v1beta/models/absent:generateContent")).status).toBe(404);
  expect((await ask("/v1beta/models/fast:embedContent")).status).toBe(404);
});

const asked = { model: "fast", messages: [] as unknown[] };
asked.messages.push({ role: "system", content: "Be brief." }, { role: "user", content: "hello" });
const { request } = openaiChat.readRequest(Buffer.from(JSON.stringify(asked)));
const quirks = {
  maxTokensField: "max_tokens",
  sendsDeveloperRole: true,
  supportsStreamUsage: true,
} as const;
const target = { model: "fast", stream: false, quirks };

function post(path: string, body: string, fault = ""): Promise<Response> {
  return fetch(`${simulator.url}/alpha${path.replace("{model}", "fast")}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-simulator-fault": fault },
    body,
    signal: AbortSignal.timeout(10_000),
  });
}

const countingPaths = endpoints.flatMap(({ counting = [], ...endpoint }) =>
  counting.map(({ path, format: counter }) => ({ path, counter, endpoint, name: counter.name })),
);

describe.each(countingPaths)("counting at $path", ({ path, counter, endpoint }) => {
  const body = counter.writeRequest(request, target);

  it("tells what the same conversation is billed with", async () => {
    simulator.calls.clear();
    const counted = await post(path, body);
    expect(counted.status).toBe(200);
    const tokens = counter.readResponse(await counted.bytes());
    const [where] = endpoint.paths;
    const answered = await post(where?.path ?? "", endpoint.format.writeRequest(request, target));
    const { end } = endpoint.format.readResponse(await answered.bytes());
    expect(BigInt(tokens)).toBe(end.usage?.inputTokens);
    expect(simulator.calls.list()).toMatchObject([
      { format: counter.name, inputTokens: tokens, sentTokens: 0, end: "complete", status: 200 },
      { format: endpoint.format.name, sentTokens: 24 },
    ]);
  });

  it.each([
    ["count-server-error", "UPSTREAM_ERROR"],
    ["count-status-404", "MODEL_NOT_FOUND"],
    ["overloaded", "OVERLOADED"],
  ])("fails with %s in its vendor's words", async (fault, failure) => {
    const response = await post(path, body, fault);
    const header = (name: string) => response.headers.get(name) ?? undefined;
    const read = endpoint.format.readError(response.status, header, await response.bytes());
    expect(read.class).toBe(failure);
  });

  it("breaks its answer", async () => {
    const response = await post(path, body, "count-malformed-after-1");
    const bytes = await response.bytes();
    expect(() => counter.readResponse(bytes)).toThrow();
  });
});

it("a fault of counting alone leaves answers as they are, and has turns of its own", async () => {
  const fault = "count-first-1+count-server-error";
  const body = JSON.stringify({ ...asked, model: `fast+${fault}` });
  const statuses: number[] = [];
  for (const path of ["/v1/chat/completions", "/v1/messages/count_tokens"]) {
    for (let at = 0; at < 2; at += 1) {
      const own = path.includes("count") ? body.replace('"system"', '"user"') : body;
      statuses.push((await post(path, own)).status);
    }
  }
  expect(statuses).toEqual([200, 200, 500, 200]);
});

/** Text and end of each candidate of a stream. */
function candidatesOf(format: Format, bytes: Uint8Array): { texts: string[]; ends: string[] } {
  const texts: string[] = [];
  const blocks = new Map<number, number>();
  let ends: string[] = [];
  const event = ({ case: kind, value }: StreamEvent): void => {
    if (kind === "blockStarted" && value.kind === BlockKind.TEXT) {
      blocks.set(value.index, value.candidate);
    }
    if (kind !== "blockDelta" || value.delta.case !== "text") return;
    const at = blocks.get(value.index) ?? -1;
    texts[at] = (texts[at] ?? "") + value.delta.value;
  };
  const reader = format.createStreamReader({
    event,
    flush: () => undefined,
    finish: ({ candidates }) => (ends = candidates.map(({ rawReason }) => rawReason)),
    fail: (error) => (ends = [error.message]),
  });
  reader.push(bytes);
  reader.end();
  return { texts, ends };
}

describe.each([
  {
    format: openaiChat as Format,
    whole: "/v1/chat/completions",
    stream: "/v1/chat/completions",
    end: "stop",
  },
  {
    format: google,
    whole: "/v1beta/models/fast:generateContent",
    stream: "/v1beta/models/fast:streamGenerateContent?alt=sse",
    end: "STOP",
  },
])("several candidates of $format.name", ({ format, whole, stream, end }) => {
  const several = { ...request, candidateCount: 3 };

  it("differ, and are billed together", async () => {
    const response = await post(whole, format.writeRequest(several, target));
    const { candidates, end: told } = format.readResponse(await response.bytes());
    const texts = candidates.map(({ parts }) => parts[0]?.part.value);
    expect(texts).toHaveLength(3);
    expect(new Set(texts.map((text) => JSON.stringify(text))).size).toBe(3);
    expect(told.candidates.map(({ candidate }) => candidate)).toEqual([0, 1, 2]);
    expect(told.usage?.outputTokens).toBe(72n);
  });

  it("are streamed in turns", async () => {
    const body = format.writeRequest(several, { ...target, stream: true });
    const bytes = await (await post(stream, body)).bytes();
    const { texts, ends } = candidatesOf(format, bytes);
    expect(ends).toEqual([end, end, end]);
    expect(texts).toHaveLength(3);
    expect(new Set(texts).size).toBe(3);
    const response = await post(whole, format.writeRequest(several, target));
    const { candidates } = format.readResponse(await response.bytes());
    expect(candidates.map(({ parts }) => parts[0]?.part.value)).toEqual(
      texts.map((text) => expect.objectContaining({ text }) as unknown),
    );
  });
});
