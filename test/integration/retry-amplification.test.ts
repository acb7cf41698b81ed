import { AttemptKind } from "@penstock/api";
import {
  deploymentManifest,
  projectManifest,
  providerManifest,
  routeManifest,
  sendHttp,
  startConstellation,
} from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

// Show 5 of the doors: a vendor that fails altogether is not called more often for it, whatever its
// callers do.

const requests = 80;
/** At once. */
const callers = 8;
/** What official clients do by themselves. */
const clientRetries = 2;
/** Retries on one target, as a share of its requests. */
const retryBudget = 0.2;
/** Retries that a target has in a window whatever it gets, and failures until its breaker opens. */
const freeRetries = 3;
const windowMs = 10_000;
const untilOpen = 5;

interface Case {
  readonly name: string;
  readonly fault: string;
  /** Targets of the failing vendor. */
  readonly targets: number;
  /** Whether a second vendor stands behind it. */
  readonly secondVendor: boolean;
  /** Whether the clients obey `x-should-retry`. */
  readonly obeys: boolean;
  /** Whether a second target is asked while the first one is slow. */
  readonly hedges?: boolean;
}

const faults = ["status-500", "status-429", "reset"];
const refusals: readonly Case[] = faults.flatMap((fault) => [
  { name: `${fault}-one`, fault, targets: 1, secondVendor: false, obeys: true },
  { name: `${fault}-three-rude`, fault, targets: 3, secondVendor: false, obeys: false },
  { name: `${fault}-behind`, fault, targets: 2, secondVendor: true, obeys: true },
]);

// The vendor hangs: each request may have a second call, of which there are few, and fails over.
const hanging = { fault: "hang", targets: 2, secondVendor: true, obeys: true, hedges: true };
const cases: readonly Case[] = [...refusals, { name: "hang-hedged", ...hanging }];
const hedging = "timeouts: { firstToken: 0.6s }\nhedging: { maxDelay: 0.3s }\n---\n";
/** Second calls at most, as a share of the requests; each worker has one free. */
const hedgeShare = 0.02;

const targetsOf = ({ name, targets }: Case): string[] =>
  Array.from({ length: targets }, (_, at) => `${name}-${at}`);

let gateway: Constellation;
let key: string;

beforeAll(async () => {
  gateway = await startConstellation({
    resources: (url) =>
      projectManifest("p") +
      providerManifest("good", `${url}/beta/v1`, { inputUsd: "1", outputUsd: "1" }) +
      deploymentManifest("good", "good", "beta-small+slow-first-token-0+delay-0+tokens-5") +
      cases
        .map((row) => {
          const model = `alpha-small+${row.fault}`;
          const ids = targetsOf(row);
          return (
            ids
              .map(
                (id) =>
                  // A provider of its own each: another key of the same vendor.
                  providerManifest(id, `${url}/alpha/v1`, { inputUsd: "1", outputUsd: "1" }) +
                  deploymentManifest(id, id, model),
              )
              .join("") + routeOf(row, row.secondVendor ? [...ids, "good"] : ids)
          );
        })
        .join(""),
  });
  key = await gateway.issueKey("projects/p/virtualKeys/k", { maxConcurrentRequests: 100 });
});
afterAll(() => gateway?.close());

function routeOf({ name, hedges }: Case, ids: readonly string[]): string {
  const manifest = routeManifest(name, ids);
  return hedges === true ? manifest.replace(/---\n$/, hedging) : manifest;
}

/** One request of a client with the retries of its own; gives how often it came to the door. */
async function askLikeAClient(model: string, obeys: boolean) {
  const ids: string[] = [];
  let status = 0;
  for (let attempt = 0; attempt <= clientRetries; attempt += 1) {
    const answer = await sendHttp({
      url: `${gateway.httpUrl}/v1/chat/completions`,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ model, messages: [{ role: "user", content: "hi" }] }),
    });
    status = answer.status;
    ids.push(answer.headers.get("x-request-id") ?? "");
    const mayRetry = !obeys || answer.headers.get("x-should-retry") !== "false";
    if (status < 400 || !mayRetry) break;
  }
  return { status, ids };
}

/** Second calls beside a slow one, once all requests of the model are recorded. */
async function hedgesOf(model: string, arrived: number): Promise<number> {
  const list = async () => {
    const page = { filter: { model }, pageSize: 1_000 };
    return (await gateway.control.usage.listUsageRecords(page)).usageRecords;
  };
  await expect.poll(async () => (await list()).length, { timeout: 10_000 }).toBe(arrived);
  const attempts = (await list()).flatMap(({ event }) => event?.attempts ?? []);
  return attempts.filter(({ kind }) => kind === AttemptKind.HEDGE).length;
}

describe("a vendor that fails altogether", () => {
  it.each(cases)("$name: $targets targets, second vendor $secondVendor", async (row) => {
    const answers: Awaited<ReturnType<typeof askLikeAClient>>[] = [];
    let left = requests;
    const work = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        answers.push(await askLikeAClient(row.name, row.obeys));
      }
    };
    const startMs = performance.now();
    await Promise.all(Array.from({ length: callers }, work));
    const windows = 1 + Math.floor((performance.now() - startMs) / windowMs);

    const arrived = answers.flatMap(({ ids }) => ids);
    const calls = gateway.simulator.calls.list();
    const own = new Set(arrived);
    const failing = calls.filter(
      (call) => call.vendor === "alpha" && own.has(call.requestId.replace(/\.\d+$/, "")),
    ).length;
    // Each worker of each router learns by itself.
    const workers = gateway.routers.length > 1 ? 3 : 1;
    const constant = row.targets * (workers * (windows * freeRetries + untilOpen) + callers);
    const bound = Math.floor(arrived.length * (1 + retryBudget)) + constant;
    process.stdout.write(
      `${row.name}: ${requests} requests of clients, ${arrived.length} at the door, ` +
        `${failing} calls of the failing vendor, bound ${bound}\n`,
    );
    expect(failing).toBeGreaterThan(0);
    expect(failing).toBeLessThanOrEqual(bound);
    if (row.hedges === true) {
      const second = await hedgesOf(row.name, arrived.length);
      const most = arrived.length * hedgeShare + workers * gateway.routers.length;
      expect(second).toBeGreaterThan(0);
      expect(second).toBeLessThanOrEqual(most);
    }
    const served = answers.filter(({ status }) => status === 200).length;
    expect(served).toBe(row.secondVendor ? requests : 0);
  });
});
