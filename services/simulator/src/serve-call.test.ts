import { formats } from "@penstock/formats";
import { afterAll, beforeAll, expect, it } from "vitest";
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
