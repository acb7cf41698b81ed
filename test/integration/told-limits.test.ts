import {
  askOverHttp,
  deploymentManifest,
  projectManifest,
  providerManifest,
  routeManifest,
  startConstellation,
} from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import { rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { simulatedKeyFile } from "./src/matrix/upstreams.ts";
import { runPenstock } from "./src/run-penstock.ts";

// What a provider tells of its limits beside good answers keeps the next request from a refusal.

let gateway: Constellation;
let key: string;

const anthropic = (baseUrl: string): string => `kind: Provider
name: providers/told
providerKind: anthropic
baseUrl: ${baseUrl}
privateNetwork: true
credential: file:${simulatedKeyFile}
---
kind: PriceBook
name: priceBooks/told
source: made up for a test
prices:
  - { model: "*", inputUsdPerMillionTokens: "1", outputUsdPerMillionTokens: "2" }
---
`;

beforeAll(async () => {
  writeFileSync(simulatedKeyFile, "simulated");
  gateway = await startConstellation({
    resources: (url) =>
      projectManifest("p") +
      anthropic(`${url}/alpha/v1`) +
      providerManifest("beta", `${url}/beta/v1`, { inputUsd: "1", outputUsd: "2" }) +
      deploymentManifest("told", "told", "alpha-small+slow-first-token-0+delay-0+rpm-2") +
      deploymentManifest("beta", "beta", "beta-small+slow-first-token-0+delay-0") +
      routeManifest("smart", ["told", "beta"]),
  });
  key = await gateway.issueKey("projects/p/virtualKeys/k");
});
afterAll(async () => {
  rmSync(simulatedKeyFile, { force: true });
  await gateway?.close();
});

it("asks a target whose limit has nothing left behind the others, and shows what was told", async () => {
  const served: (string | null)[] = [];
  for (let at = 0; at < 4; at += 1) {
    const answer = await askOverHttp(gateway, key, { model: "smart", prompt: "hi", stream: false });
    expect(answer.end).toBe("complete");
    served.push(answer.headers.get("x-penstock-deployment"));
  }
  // Six workers learn each for themselves.
  if (gateway.shape === "servers") return;
  expect(served).toEqual([
    "deployments/told",
    "deployments/told",
    "deployments/beta",
    "deployments/beta",
  ]);
  // No call was spent on a refusal.
  expect(gateway.simulator.calls.list().map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  const { stdout } = await runPenstock(["targets"], gateway);
  expect(stdout).toContain("limit_reached until");
  expect(stdout).toContain("0 of 2 requests");
});
