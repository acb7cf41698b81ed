import { createServer } from "node:http";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { readStartSettings } from "../settings.ts";
import { findAbsentServices } from "./find-absent-services.ts";
import { checkServers } from "./server-checks.ts";

async function portOf(server: {
  listen(port: number, host: string, done: () => void): unknown;
  address(): unknown;
  close(): unknown;
}): Promise<number> {
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

const check = async (environment: Record<string, string>, isApart = false) =>
  await checkServers(readStartSettings({}, environment), isApart);

it("says which servers it tried and what to do, without user and password", async () => {
  const found = await check({
    PENSTOCK_BUS_URL: "nats://user:canary@127.0.0.1:9,nats://127.0.0.1:19",
    PENSTOCK_DATABASE_URL: "postgres://user:canary@127.0.0.1:9/penstock",
  });
  expect(found).toMatchObject([
    {
      check: "bus 127.0.0.1:9,127.0.0.1:19",
      state: "fail",
      detail: expect.stringContaining("connection refused"),
      advice: expect.stringContaining("PENSTOCK_BUS_URL (--bus-url)"),
    },
    {
      check: "database 127.0.0.1:9/penstock",
      state: "fail",
      detail: "connect ECONNREFUSED 127.0.0.1:9",
      advice: "Start PostgreSQL, or correct PENSTOCK_DATABASE_URL (--database-url).",
    },
  ]);
  expect(JSON.stringify(found)).not.toMatch(/canary|user/);
});

it("waits for servers that say nothing no longer than some seconds", async () => {
  const port = await portOf(createTcpServer());
  const startMs = performance.now();
  const found = await check({
    PENSTOCK_BUS_URL: `nats://127.0.0.1:${port}`,
    PENSTOCK_DATABASE_URL: `postgres://127.0.0.1:${port}/penstock`,
  });
  expect(found.map(({ state }) => state)).toEqual(["fail", "fail"]);
  expect(performance.now() - startMs).toBeLessThan(15_000);
});

it("calls servers that nobody named none of its good news", async () => {
  expect((await check({})).map(({ state }) => state)).toEqual(["ok", "ok"]);
  expect(await check({}, true)).toMatchObject([
    { state: "warn", advice: "Name it with --bus-url or PENSTOCK_BUS_URL." },
    { state: "warn", advice: "Name it with --database-url or PENSTOCK_DATABASE_URL." },
  ]);
});

it("misses services that are not where policy is, and that nobody named", async () => {
  const server = createServer((request, response) => {
    response.writeHead(request.url?.includes("UsageService") === true ? 405 : 404).end();
  });
  const controlUrl = `http://user:canary@127.0.0.1:${await portOf(server)}`;
  const addresses = { controlUrl, telemetryUrl: controlUrl, caFile: undefined };
  const found = await findAbsentServices({ ...addresses, quotaUrl: controlUrl });
  expect(found).toMatchObject([
    { check: "quota", state: "warn", advice: "Name it with --quota-url or PENSTOCK_QUOTA_URL." },
  ]);
  expect(JSON.stringify(found)).not.toContain("canary");
  expect(await findAbsentServices({ ...addresses, quotaUrl: "http://elsewhere" })).toEqual([]);
});
