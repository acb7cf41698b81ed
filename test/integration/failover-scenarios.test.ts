import { RequestOutcome, UsageSource } from "@penstock/api";
import type { PenstockClient } from "@penstock/client";
import {
  askOverGrpc,
  askOverHttp,
  deploymentManifest,
  findBrokenInvariants,
  isProving,
  projectManifest,
  providerManifest,
  reportClaim,
  routeManifest,
  startConstellation,
} from "@penstock/test-support";
import type { Constellation, Transcript } from "@penstock/test-support";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failoverScenarios } from "./src/failover-scenarios.ts";
import type { FailoverScenario, ScenarioEnd } from "./src/failover-scenarios.ts";
import { prices } from "./src/test-gateway.ts";

// Sixteen ways in which providers fail, with what the caller gets. `npm run prove -- failover`
// runs them one by one with short timers and holds each to its time; here only outcomes count, so
// timers are long enough for a busy machine.

const timerMs = isProving()
  ? { firstToken: 300, progress: 500 }
  : { firstToken: 1_500, progress: 1_500 };
/** What the gateway may take beyond the timers. */
const slackMs = 150;
const prompt = "Who answers?";

interface Case extends FailoverScenario {
  readonly id: string;
  readonly door: "http" | "grpc";
  readonly streams: boolean;
}

const ways = [
  { door: "http", streams: false },
  { door: "http", streams: true },
  { door: "grpc", streams: false },
  { door: "grpc", streams: true },
] as const;
// Each case has models and deployments of its own, so that no health is shared.
const cases: readonly Case[] = failoverScenarios.flatMap((scenario, at) =>
  ways.map((way) => {
    const id = `s${at}-${way.door}-${way.streams ? "stream" : "unary"}`;
    return { ...scenario, ...way, id };
  }),
);
const fast = { firstTokenMs: 0, tokenIntervalMs: 0 };
const models = Object.fromEntries(cases.map(({ id }) => [id, fast]));

interface Row {
  readonly of: Case;
  readonly outcome: string;
  readonly elapsedMs: number;
  readonly boundMs: number;
  readonly calls: readonly number[];
}

let gateway: Constellation;
let key: string;
let grpc: PenstockClient;
const rows: Row[] = [];
const transcripts: Transcript[] = [];

const vendorOf = (target: number): "alpha" | "beta" => (target % 2 === 1 ? "beta" : "alpha");

function modelOf({ id, targets }: Case, target: number): string {
  const fault = targets[target] ?? "";
  // The number tells targets of one vendor apart and changes nothing.
  return `${id}+delay-0+calls-${target + 1}${fault === "" ? "" : `+${fault}`}`;
}

function resourcesOf(one: Case): string {
  const ids = one.targets.map((_, target) => `${one.id}-${target}`);
  const deployments = ids.map((id, target) => {
    const manifest = deploymentManifest(id, vendorOf(target), modelOf(one, target));
    const capabilities = one.capabilities?.[target];
    if (capabilities === undefined) return manifest;
    return manifest.replace("---\n", `capabilities: ${capabilities}\n---\n`);
  });
  const timeouts = {
    firstToken: `${timerMs.firstToken / 1_000}s`,
    progress: `${timerMs.progress / 1_000}s`,
  };
  return deployments.join("") + routeManifest(one.id, ids, timeouts);
}

beforeAll(async () => {
  gateway = await startConstellation({
    vendors: { alpha: { models: { ...models, "alpha-large": fast } }, beta: { models } },
    resources: (url) =>
      [
        projectManifest("test"),
        providerManifest("alpha", `${url}/alpha/v1`, { inputUsd: "2.50", outputUsd: "10" }),
        providerManifest("beta", `${url}/beta/v1`, { inputUsd: "3", outputUsd: "15" }),
        deploymentManifest("warm", "alpha", "alpha-large"),
        routeManifest("warm", ["warm"]),
        ...cases.map(resourcesOf),
      ].join(""),
  });
  key = await gateway.issueKey("projects/test/virtualKeys/failover");
  const [router] = gateway.routers;
  grpc = gateway.grpcClient(key, router);
  // The first request of a process pays for code that was never run.
  for (const way of ways) await ask({ ...way, model: "warm" });
});
afterAll(() => gateway.close());

/** All go to one router: what one has learned of a target is not at once known to another. */
function ask(of: {
  readonly door: "http" | "grpc";
  readonly streams: boolean;
  readonly model: string;
  readonly question?: FailoverScenario["question"];
}): Promise<Transcript> {
  const question = { ...of.question, model: of.model, prompt, stream: of.streams };
  const [router] = gateway.routers;
  if (router === undefined) throw new Error("there is no router");
  return of.door === "http" ? askOverHttp(router, key, question) : askOverGrpc(grpc, question);
}

function callsOf(one: Case, requestId: string): number[] {
  const seen = gateway.simulator.calls.list(`${requestId}.`);
  return one.targets.map(
    (_, target) => seen.filter(({ model }) => model === modelOf(one, target)).length,
  );
}

function checkEnd(transcript: Transcript, end: ScenarioEnd): void {
  if (end.answeredBy === undefined) {
    expect(transcript).toMatchObject({ end: "error", error: { reason: end.reason } });
  } else {
    const providers = [`providers/${vendorOf(end.answeredBy)}`];
    expect(transcript).toMatchObject({ status: 200, end: "complete", providers });
  }
  if (end.finishReason !== undefined) expect(transcript.finishReason).toBe(end.finishReason);
  expect(transcript.wentOn).toBe(false);
}

/** Every attempt that was begun to be answered is charged, exactly where usage was reported. */
async function checkAccounts(transcript: Transcript, end: ScenarioEnd): Promise<void> {
  const { record } = await gateway.request(transcript.requestId);
  const event = record?.event;
  const answered = end.answeredBy !== undefined;
  expect(event?.outcome).toBe(answered ? RequestOutcome.COMPLETED : RequestOutcome.FAILED);
  const attempts = event?.attempts ?? [];
  expect(attempts).toHaveLength(end.calls.reduce((sum, count) => sum + count, 0));
  const sum = attempts.reduce((total, { costNanoUsd = 0n }) => total + costNanoUsd, 0n);
  expect(event?.costNanoUsd ?? 0n).toBe(sum);
  const last = attempts.at(-1);
  if (!answered || last === undefined) return;
  expect(last.usage?.source).toBe(UsageSource.REPORTED);
  const price = prices[last.provider === "providers/beta" ? "beta" : "alpha"];
  const { inputTokens = 0n, outputTokens = 0n } = last.usage ?? {};
  expect(last.costNanoUsd).toBe(inputTokens * price.input + outputTokens * price.output);
}

const test = isProving() ? it.each(cases) : it.concurrent.each(cases);

describe("a route whose first target fails", () => {
  test("$number $name: $door, stream $streams", { timeout: 60_000 }, async (one) => {
    const ends = one.streams ? one.stream : one.unary;
    let worst: Row | undefined;
    for (const end of ends) {
      const transcript = await ask({ ...one, model: one.id });
      transcripts.push(transcript);
      const calls = callsOf(one, transcript.requestId);
      checkEnd(transcript, end);
      expect(calls).toEqual(end.calls);
      const { elapsedMs } = transcript;
      const boundMs = (end.timer === undefined ? 0 : timerMs[end.timer]) + slackMs;
      const row = { of: one, outcome: end.outcome, elapsedMs, boundMs, calls };
      if (worst === undefined || elapsedMs - boundMs > worst.elapsedMs - worst.boundMs) worst = row;
      await checkAccounts(transcript, end);
    }
    if (worst !== undefined) rows.push(worst);
  });

  it("leaves nothing open", async () => {
    expect(rows).toHaveLength(cases.length);
    expect(await findBrokenInvariants({ gateway, transcripts })).toEqual([]);
  });

  it("reports its times", () => {
    const inTime = rows.filter(({ elapsedMs, boundMs }) => elapsedMs <= boundMs);
    const unit = `of ${cases.length} late or otherwise`;
    reportClaim("failover", cases.length - inTime.length, unit, tableOf(rows));
  });
});

function tableOf(all: readonly Row[]): string {
  const lines = all.map(({ of, outcome, elapsedMs, boundMs, calls }) =>
    [
      String(of.number).padStart(2),
      of.name.padEnd(27),
      of.door.padEnd(4),
      (of.streams ? "stream" : "unary").padEnd(6),
      outcome.padEnd(29),
      String(Math.round(elapsedMs)).padStart(5),
      String(boundMs).padStart(5),
      elapsedMs <= boundMs ? "yes    " : "no     ",
      calls.join("+"),
    ].join("  "),
  );
  const head =
    " #  scenario                     door  way     outcome                           ms  bound  in time  calls";
  return `${gateway.shape}\n${[head, ...lines].join("\n")}`;
}
