import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromJson } from "@bufbuild/protobuf";
import { ResourceSchema, ResourceService } from "@penstock/api";
import type { Resource } from "@penstock/api";
import { silentObservability } from "@penstock/observability";
import { createClient, createNetworkTransport } from "@penstock/rpc";
import { Secret } from "@penstock/runtime";
import {
  askOverGrpc,
  askOverHttp,
  deploymentManifest,
  projectManifest,
  providerManifest,
  reportClaim,
  routeManifest,
  startConstellation,
} from "@penstock/test-support";
import type { Constellation, Question, Transcript } from "@penstock/test-support";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RevisionWatch } from "./src/revision-watch.ts";
import { runPenstock } from "./src/run-penstock.ts";

let penstock: Constellation;
let key: string;
const folder = mkdtempSync(join(tmpdir(), "penstock-manifests-"));

const changes = 50;
/** `npm run prove` holds it to 500 ms. Without the push, a poll would need up to 6.25 s. */
const pushedWithinMs = 4_000;
const streams = 20;
const streamTokens = 120;
const streamModel = `slow-first-token-0+delay-40+tokens-${streamTokens}`;

const resources = (simulatorUrl: string): string =>
  [
    projectManifest("p"),
    ...["alpha", "beta"].flatMap((vendor) => [
      providerManifest(vendor, `${simulatorUrl}/${vendor}/v1`, { inputUsd: "1", outputUsd: "2" }),
      deploymentManifest(vendor, vendor, `${vendor}-small+slow-first-token-0+delay-0+tokens-1`),
      deploymentManifest(`${vendor}-slow`, vendor, `${vendor}-large+${streamModel}`),
    ]),
    routeManifest("fast", ["alpha"]),
    routeManifest("slow", ["alpha-slow"]),
  ].join("");

beforeAll(async () => {
  penstock = await startConstellation({ resources });
  key = await penstock.issueKey("projects/p/virtualKeys/k");
});

afterAll(async () => {
  await penstock?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Both routes, moved to the vendor. */
function routesTo(vendor: string): Resource[] {
  const route = (id: string, deployment: string): Resource =>
    fromJson(ResourceSchema, {
      route: {
        name: `routes/${id}`,
        match: { models: [id] },
        strategy: { priority: {} },
        targets: [{ deployment: `deployments/${deployment}` }],
      },
    });
  return [route("fast", vendor), route("slow", `${vendor}-slow`)];
}

/** The control port as people reach it. */
function openControl() {
  const token = new Secret(penstock.adminToken);
  const { tracer } = silentObservability();
  const { transport, close } = createNetworkTransport({ url: penstock.controlUrl, token, tracer });
  return { resources: createClient(ResourceService, transport), close };
}

async function listAll() {
  return await penstock.control.resources.listResources({ pageSize: 1_000 });
}

describe("a change of the configuration", () => {
  it("decides requests soon after its answer, and leaves open streams alone", async () => {
    const { answers, changesDuringStreams } = await changeDuringStreams();
    const expected = new Map(await Promise.all(answers.map(expectedText)));
    for (const answer of answers) {
      expect(answer.transcript).toMatchObject({ end: "complete", error: undefined });
      expect(answer.transcript.providers).toEqual(["providers/alpha"]);
      expect(sha256(answer.transcript.text)).toBe(expected.get(answer.question.prompt));
    }
    expect(changesDuringStreams).toBeGreaterThan(0);
  });

  interface StreamAnswer {
    readonly question: Question;
    readonly transcript: Transcript;
  }

  async function changeDuringStreams() {
    const running = new Set<number>();
    const client = penstock.grpcClient(key);
    const reading = Array.from({ length: streams }, async (_, index): Promise<StreamAnswer> => {
      const question = { model: "slow", prompt: `stream number ${index}`, stream: true };
      running.add(index);
      const ask = index % 2 === 0 ? askOverHttp(penstock, key, question) : undefined;
      const transcript = await (ask ?? askOverGrpc(client, question));
      running.delete(index);
      return { question, transcript };
    });
    await expect
      .poll(() => penstock.simulator.calls.list().length, { timeout: 10_000 })
      .toBe(streams);
    const control = openControl();
    const watch = new RevisionWatch({ httpUrl: penstock.httpUrl, key, model: "fast" });
    const delaysMs: number[] = [];
    let changesDuringStreams = 0;
    for (let number = 1; number <= changes; number += 1) {
      const vendor = number % 2 === 0 ? "alpha" : "beta";
      const { revision } = await control.resources.applyResources({ resources: routesTo(vendor) });
      delaysMs.push(await watch.delayUntil(revision, `providers/${vendor}`));
      if (running.size === streams) changesDuringStreams += 1;
    }
    await watch.stop();
    control.close();
    const p99 = delaysMs.toSorted((a, b) => a - b)[Math.ceil(0.99 * changes) - 1] ?? Infinity;
    reportClaim("policy-change-p99", p99, "ms");
    process.stdout.write(`p99 of ${changes} changes: ${Math.round(p99)} ms\n`);
    expect(p99).toBeLessThan(pushedWithinMs);
    return { answers: await Promise.all(reading), changesDuringStreams };
  }

  /** Hash of what the vendor sends for this prompt, asked without a gateway and without delays. */
  async function expectedText({ question }: StreamAnswer): Promise<[string, string]> {
    const vendor = { httpUrl: `${penstock.simulator.url}/alpha` };
    const model = `alpha-large+slow-first-token-0+delay-0+tokens-${streamTokens}`;
    const { text } = await askOverHttp(vendor, "none", { ...question, model });
    expect(text.split(" ")).toHaveLength(streamTokens);
    return [question.prompt, sha256(text)];
  }

  function sha256(text: string): string {
    return createHash("sha256").update(text).digest("hex");
  }
});

const threeMistakes = `kind: Route
name: routes/fast
match: { models: [fast] }
strategy: { priority: {} }
targets:
  - { deployment: deployments/nowhere, priority: 0 }
---
kind: Limit
name: limits/new
scope: { all: true }
requestsPerMinute: 5
onUnavailabel: DENY
---
kind: Budget
name: budgets/new
scope: { project: projects/p }
amountUsd: 12.5
period: DAY
`;

describe("a manifest with three mistakes", () => {
  it("changes nothing, and every mistake is named with file, line and path", async () => {
    const file = join(folder, "three.yaml");
    writeFileSync(file, threeMistakes);
    const before = await listAll();
    const { exitCode, stdout, stderr } = await runPenstock(["apply", "-f", file], penstock);
    expect(exitCode).toBe(1);
    expect(stdout).toBe("");
    const lines = stderr.trimEnd().split("\n");
    expect(lines).toEqual([
      expect.stringContaining(`${file}:6: document 1, routes/fast: targets[0].deployment `),
      expect.stringContaining(`${file}:12: document 2, limits/new: onUnavailabel `),
      expect.stringContaining(`${file}:17: document 3, budgets/new: amountUsd `),
      "penstock: 3 problems; nothing was changed.",
    ]);
    expect(await listAll()).toEqual(before);
  });
});

describe("a stale etag", () => {
  it("is refused over the API and by the command, and nothing changes", async () => {
    const name = "routes/fast";
    const stale = (await penstock.control.getResource("Route", name)).etag;
    const [change] = routesTo("alpha");
    if (change?.resource.case !== "route") throw new Error("it is a route");
    change.resource.value.displayName = "changed by somebody else";
    await penstock.control.resources.applyResources({ resources: [change] });
    const before = await listAll();
    change.resource.value.etag = stale;
    change.resource.value.displayName = "changed by one who has not looked";
    const control = openControl();
    const refused = control.resources.applyResources({ resources: [change] });
    await expect(refused).rejects.toMatchObject({ reason: "ETAG_MISMATCH" });
    control.close();
    const file = join(folder, "stale.yaml");
    writeFileSync(file, routeManifest("fast", ["beta"]).replace("---\n", `etag: "${stale}"\n`));
    const { exitCode, stderr } = await runPenstock(["apply", "-f", file], penstock);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(name);
    expect(stderr).toMatch(/etag/i);
    expect(await listAll()).toEqual(before);
  });
});
