import {
  askOverHttp,
  deploymentManifest,
  projectManifest,
  providerManifest,
  routeManifest,
  startConstellation,
} from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it } from "vitest";

let penstock: Constellation;
const keyName = "projects/p/virtualKeys/k";
const limit = 5;
const windowMs = 60_000;
/** An amount is free again 60 to 70 s after it was used; then comes a second round. */
const lastingMs = 135_000;
const pauseMs = 100;

beforeAll(async () => {
  penstock = await startConstellation({
    resources: (simulatorUrl) =>
      [
        projectManifest("p"),
        providerManifest("alpha", `${simulatorUrl}/alpha/v1`, { inputUsd: "0", outputUsd: "1" }),
        deploymentManifest("fast", "alpha", "alpha-small+slow-first-token-0+delay-0+tokens-1"),
        routeManifest("fast", ["fast"]),
      ].join(""),
  });
});

afterAll(async () => {
  await penstock?.close();
});

it("admits at most five requests in any 60 s of real time, and five again after each minute", async () => {
  const key = await penstock.issueKey(keyName);
  await penstock.apply(`kind: Limit
name: limits/five
scope: { virtualKey: ${keyName} }
requestsPerMinute: ${limit}
onUnavailable: DENY
`);
  const admittedAtMs: number[] = [];
  const endMs = performance.now() + lastingMs;
  while (performance.now() < endMs) {
    const { status } = await askOverHttp(penstock, key, {
      model: "fast",
      prompt: "again",
      stream: false,
    });
    if (status === 200) admittedAtMs.push(performance.now());
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  expect(admittedAtMs.length).toBe(2 * limit);
  for (const [at, sixthMs] of admittedAtMs.entries()) {
    const firstMs = admittedAtMs[at - limit];
    // When it was decided lies within the tens of milliseconds before the answer.
    if (firstMs !== undefined) expect(sixthMs - firstMs).toBeGreaterThan(windowMs - 500);
  }
});
