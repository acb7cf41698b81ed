import { afterAll, beforeAll, expect, it } from "vitest";
import {
  answerTokens,
  piecesOverGrpc,
  piecesOverHttp,
  startQuietSite,
} from "./src/quiet-stream.ts";
import type { QuietSite } from "./src/quiet-stream.ts";

// Two minutes of silence behind a proxy that cuts connections on which nothing passed for 15 s.

const quietMs = 120_000;
let site: QuietSite;
let key: string;

beforeAll(async () => {
  site = await startQuietSite({ quietMs, cutIdleAfterMs: 15_000 });
  key = await site.gateway.issueKey("projects/p/virtualKeys/lively", {
    keepaliveInterval: { seconds: 5n, nanos: 0 },
  });
});

afterAll(async () => {
  await site?.close();
});

it("a model that thinks for 120 s in silence is heard through such a proxy, on both doors", async () => {
  const startMs = performance.now();
  const [http, grpc] = await Promise.all([
    piecesOverHttp(site, key, "thinker"),
    piecesOverGrpc(site, key, "thinker"),
  ]);
  expect([http, grpc.pieces]).toEqual([answerTokens, answerTokens]);
  expect(grpc.keepalives).toBeGreaterThanOrEqual(quietMs / 5_000 - 2);
  expect(performance.now() - startMs).toBeGreaterThan(quietMs - 1_000);
});

it("a plain key is cut after 15 s: the proxy does what it is said to do", async () => {
  const plain = await site.gateway.issueKey("projects/p/virtualKeys/plain");
  const startMs = performance.now();
  await expect(piecesOverHttp(site, plain, "thinker")).rejects.toThrow();
  await expect(piecesOverGrpc(site, plain, "thinker")).rejects.toThrow();
  expect(performance.now() - startMs).toBeLessThan(quietMs / 2);
});
