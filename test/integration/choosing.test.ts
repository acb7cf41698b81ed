import { MessageRole } from "@penstock/client";
import type { GenerateRequestInit, PenstockClient } from "@penstock/client";
import { PenstockError } from "@penstock/client";
import { deploymentManifest, routeManifest, sendHttp, startConstellation } from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testGateway } from "./src/test-gateway.ts";

// What decides who answers, told to callers of both doors and to the administrator.

let gateway: Constellation;
let key: string;
let grpc: PenstockClient;
const manifest = (url: string): string =>
  testGateway(url) +
  deploymentManifest("broken", "alpha", "alpha-large+status-503") +
  routeManifest("repaired", ["broken", "beta"]) +
  `kind: Deployment
name: deployments/plain
provider: providers/alpha
model: alpha-large+delay-0
priceBook: priceBooks/alpha
capabilities: { seed: false, tools: false }
---
kind: Route
name: routes/plain
match: { models: [plain] }
targets: [{ deployment: deployments/plain }]
---
kind: Route
name: routes/gold
match: { models: [tiered], condition: 'labels.tier == "gold" && input_tokens < 1000' }
strategy: { leastLatency: {} }
targets: [{ deployment: deployments/beta }]
---
kind: Route
name: routes/tiered
match: { models: [tiered] }
strategy: { lowestCost: {} }
targets: [{ deployment: deployments/alpha }, { deployment: deployments/beta }]
---
kind: Policy
name: policies/no-beta
scope: { virtualKey: projects/test/virtualKeys/narrow }
denyProviders: [providers/beta]
---
`;

beforeAll(async () => {
  gateway = await startConstellation({ resources: manifest, keys: ["narrow"] });
  key = await gateway.issueKey("projects/test/virtualKeys/choosing");
  grpc = gateway.grpcClient(key);
});
afterAll(() => gateway.close());

async function ask(members: object, secret = key) {
  const body = { model: "smart", messages: [{ role: "user", content: "Who?" }], ...members };
  const answer = await sendHttp({
    url: `${gateway.httpUrl}/v1/chat/completions`,
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { ...answer, header: (name: string) => answer.headers.get(name) };
}
