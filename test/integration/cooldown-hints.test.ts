import {
  askOverHttp,
  deploymentManifest,
  projectManifest,
  providerManifest,
  routeManifest,
  sendHttp,
  startConstellation,
} from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it } from "vitest";

// Row 24 of the faults: what a provider asks one router, no other router has to hear from it.

const routes = Array.from({ length: 6 }, (_, at) => `limited-${at}`);
const prompt = "Is there room?";

let gateway: Constellation;
let key: string;

beforeAll(async () => {
  gateway = await startConstellation({
    resources: (url) =>
      projectManifest("p") +
      providerManifest("v", `${url}/alpha/v1`, { inputUsd: "1", outputUsd: "1" }) +
      routes
        .map(
          (id) =>
            deploymentManifest(id, "v", "alpha-small+status-429+retry-after-120") +
            routeManifest(id, [id]),
        )
        .join(""),
  });
  key = await gateway.issueKey("projects/p/virtualKeys/k");
});
afterAll(() => gateway?.close());

/** Hints that all workers of all routers have believed. */
async function believed(): Promise<number> {
  let sum = 0;
  for (const { adminUrl } of gateway.routers) {
    const headers = { authorization: `Bearer ${gateway.adminToken}` };
    const { body } = await sendHttp({ url: `${adminUrl}/metrics`, method: "GET", headers });
    const told = /^penstock_cooldown_hints_heard_total\{.*result="believed".*\} (\d+)$/gm;
    for (const [, count] of body.matchAll(told)) sum += Number(count);
  }
  return sum;
}

it("keeps every router and worker from asking a provider that one was told to wait for", async () => {
  const [first] = gateway.routers;
  const other = gateway.routers.at(-1);
  if (first === undefined || other === undefined) throw new TypeError("there is a router");
  for (const model of routes) {
    const refused = await askOverHttp(first, key, { model, prompt, stream: false });
    expect(refused.status).toBe(429);
  }
  // Two routers of three workers together; in one process there is nobody else to tell.
  const others = gateway.shape === "servers" ? 2 : 0;
  await expect
    .poll(believed, { timeout: 20_000, interval: 100 })
    .toBeGreaterThanOrEqual(routes.length * others);
  for (const router of [other, first, other]) {
    for (const model of routes) {
      const refused = await askOverHttp(router, key, { model, prompt, stream: false });
      expect(refused.status).toBe(503);
    }
  }
  expect(gateway.simulator.calls.list()).toHaveLength(routes.length);
});
