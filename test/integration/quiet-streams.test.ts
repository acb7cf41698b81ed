import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  answerTokens,
  piecesOverGrpc,
  piecesOverHttp,
  startQuietSite,
} from "./src/quiet-stream.ts";
import type { QuietSite } from "./src/quiet-stream.ts";

// A model that thinks in silence, behind a proxy that cuts idle connections. The long version takes
// two minutes; this one has the same proportions, and its cases wait at the same time.

let site: QuietSite;
let plain: string;
let lively: string;

beforeAll(async () => {
  site = await startQuietSite({ quietMs: 4_500, cutIdleAfterMs: 2_500 });
  plain = await site.gateway.issueKey("projects/p/virtualKeys/plain");
  lively = await site.gateway.issueKey("projects/p/virtualKeys/lively", {
    keepaliveInterval: { seconds: 1n, nanos: 0 },
  });
});

afterAll(async () => {
  await site?.close();
});

const everySecond = { "x-penstock-keepalive-ms": "1000" };

describe.concurrent("a stream that is silent for longer than a proxy waits", () => {
  it("is cut on its way without signs of life", async () => {
    const [http, grpc] = await Promise.allSettled([
      piecesOverHttp(site, plain, "thinker"),
      piecesOverGrpc(site, plain, "thinker"),
    ]);
    expect([http.status, grpc.status]).toEqual(["rejected", "rejected"]);
  });

  it.each(["thinker", "pauser"])("survives where the key asks for them: %s", async (model) => {
    const [http, grpc] = await Promise.all([
      piecesOverHttp(site, lively, model),
      piecesOverGrpc(site, lively, model),
    ]);
    const tokens = model === "thinker" ? answerTokens : 2;
    expect([http, grpc.pieces]).toEqual([tokens, tokens]);
    expect(grpc.keepalives).toBeGreaterThanOrEqual(3);
  });

  it("survives where the request asks for them", async () => {
    const [http, grpc] = await Promise.all([
      piecesOverHttp(site, plain, "thinker", everySecond),
      piecesOverGrpc(site, plain, "thinker", 1),
    ]);
    expect([http, grpc.pieces]).toEqual([answerTokens, answerTokens]);
  });

  it("has none where the request wants none, whatever the key says", async () => {
    const [http, grpc] = await Promise.allSettled([
      piecesOverHttp(site, lively, "thinker", { "x-penstock-keepalive-ms": "0" }),
      piecesOverGrpc(site, lively, "thinker", 0),
    ]);
    expect([http.status, grpc.status]).toEqual(["rejected", "rejected"]);
  });
});

describe.concurrent("an answer whose head left before anybody had answered", () => {
  const ask = (model: string, headers: Record<string, string> = {}) =>
    fetch(`${site.gateway.httpUrl}/v1/chat/completions`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${lively}`,
        "content-type": "application/json",
        ...headers,
      },
      body: JSON.stringify({ model, stream: true, messages: [{ role: "user", content: "hi" }] }),
    });

  it("ends with the error when nobody answers", async () => {
    const response = await ask("hanging");
    expect(response.status).toBe(200);
    expect(response.headers.get("x-request-id")).not.toBe(null);
    expect(response.headers.get("x-penstock-provider")).toBe(null);
    const text = await response.text();
    expect(text).toMatch(/^: keep-alive\n\n/);
    expect(text).toContain('"code":"UPSTREAM_TIMEOUT"');
    expect(text).not.toContain("[DONE]");
  });

  it("goes on with the next provider, of which nothing was sent before", async () => {
    const response = await ask("rescued");
    const text = await response.text();
    expect(text).toMatch(/^: keep-alive\n\ndata: /);
    expect(text).toContain("beta-large");
    expect(text.trimEnd().endsWith("data: [DONE]")).toBe(true);
  });

  it("still has its status where it came in time", async () => {
    expect((await ask("nowhere")).status).toBe(404);
    const refused = await ask("thinker", { "x-penstock-keepalive-ms": "500" });
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain("x-penstock-keepalive-ms");
  });
});
