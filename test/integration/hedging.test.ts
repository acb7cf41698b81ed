import { AttemptKind, RequestOutcome, UsageSource } from "@penstock/api";
import {
  askOverGrpc,
  askOverHttp,
  deploymentManifest,
  findBrokenInvariants,
  projectManifest,
  providerManifest,
  routeManifest,
  sendHttp,
  startConstellation,
} from "@penstock/test-support";
import type { Constellation, Transcript } from "@penstock/test-support";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { prices } from "./src/test-gateway.ts";
import { runPenstock } from "./src/run-penstock.ts";

// A vendor that is slow to begin is helped by a second one, through both doors, whole and streamed:
// whoever begins first answers, the other sees its connection close, and both are paid for.

const slowMs = 20_000;
const delayMs = 400;
const ways = [
  { door: "http", stream: false },
  { door: "http", stream: true },
  { door: "grpc", stream: false },
  { door: "grpc", stream: true },
] as const;
/** Each has a route of its own, as a route has one call free and the next after fifty requests. */
const cases = ways.map((way) => ({ ...way, id: `${way.door}-${way.stream ? "stream" : "whole"}` }));
const hedging = `hedging: { maxDelay: ${delayMs / 1_000}s }\n---\n`;

let gateway: Constellation;
let key: string;
const transcripts: Transcript[] = [];

function hedgedRoute(id: string, deployments: readonly string[]): string {
  return routeManifest(id, deployments).replace(/---\n$/, hedging);
}

beforeAll(async () => {
  gateway = await startConstellation({
    resources: (url) =>
      [
        projectManifest("p"),
        providerManifest("alpha", `${url}/alpha/v1`, { inputUsd: "2.50", outputUsd: "10" }),
        providerManifest("beta", `${url}/beta/v1`, { inputUsd: "3", outputUsd: "15" }),
        deploymentManifest("slow", "alpha", `alpha-small+slow-first-token-${slowMs}`),
        deploymentManifest("quick", "beta", "beta-small+slow-first-token-50+delay-0+tokens-7"),
        deploymentManifest("failing", "beta", "beta-small+status-500"),
        deploymentManifest("late", "alpha", "alpha-small+slow-first-token-1200+delay-0+tokens-3"),
        ...cases.map(({ id }) => hedgedRoute(id, ["slow", "quick"])),
        hedgedRoute("stored", ["late", "quick"]),
        hedgedRoute("helped-in-vain", ["late", "failing"]),
        routeManifest("plain", ["late", "quick"]),
        routeManifest("warm", ["quick"]),
        'kind: Budget\nname: budgets/all\nscope: { all: true }\nperiod: DAY\namountUsd: "100"\n---\n',
      ].join(""),
  });
  key = await gateway.issueKey("projects/p/virtualKeys/k");
  // The first request of a process pays for code that was never run.
  for (const way of ways) await ask({ ...way, id: "warm" });
});
afterAll(() => gateway?.close());

async function ask(of: {
  readonly door: "http" | "grpc";
  readonly stream: boolean;
  readonly id: string;
}): Promise<Transcript> {
  const question = { model: of.id, prompt: "Who is faster?", stream: of.stream };
  const transcript =
    of.door === "http"
      ? await askOverHttp(gateway, key, question)
      : await askOverGrpc(gateway.grpcClient(key), question);
  transcripts.push(transcript);
  return transcript;
}

const callsOf = (requestId: string) => gateway.simulator.calls.list(`${requestId}.`);

describe("a slow vendor with a second one behind it", () => {
  it.each(cases)("is helped by that: $id", async (one) => {
    const transcript = await ask(one);
    const { requestId, elapsedMs, status, end, providers, usage } = transcript;
    process.stdout.write(`${one.id}: ${Math.round(elapsedMs)} ms, delay ${delayMs} ms\n`);
    expect({ status, end, providers }).toEqual({
      status: 200,
      end: "complete",
      providers: ["providers/beta"],
    });
    expect(elapsedMs).toBeGreaterThan(delayMs - 50);
    expect(elapsedMs).toBeLessThan(slowMs / 2);
    const attemptsHeader =
      transcript.headers.get("x-penstock-attempts") ??
      transcript.trailers.get("x-penstock-attempts");
    expect(attemptsHeader).toBe("2");

    // One call of each, and the slow vendor has seen its connection close.
    await expect
      .poll(() => callsOf(requestId).map(({ vendor, end: how }) => [vendor, how]))
      .toEqual([
        ["alpha", "closed_by_caller"],
        ["beta", "complete"],
      ]);
    const [slow, quick] = callsOf(requestId);
    const { record, verdict } = await gateway.request(requestId);
    expect(record?.event?.outcome).toBe(RequestOutcome.COMPLETED);
    const [called, answered] = record?.event?.attempts ?? [];
    expect(called).toMatchObject({ kind: AttemptKind.PRIMARY, outcome: "CANCELLED", number: 1 });
    expect(answered).toMatchObject({ kind: AttemptKind.HEDGE, outcome: "OK", number: 2 });

    // The vendor's own log for what was answered; an estimate of what the other one has read.
    const sent = { inputTokens: quick?.inputTokens ?? -1, outputTokens: quick?.sentTokens ?? -1 };
    expect(usage).toEqual(sent);
    expect(answered?.costNanoUsd).toBe(
      BigInt(sent.inputTokens) * prices.beta.input + BigInt(sent.outputTokens) * prices.beta.output,
    );
    expect(slow?.sentTokens).toBe(0);
    expect(called?.usage).toMatchObject({ source: UsageSource.ESTIMATED, outputTokens: 0n });
    expect(called?.usage?.inputTokens).toBeGreaterThan(0n);
    expect(called?.costNanoUsd).toBe((called?.usage?.inputTokens ?? 0n) * prices.alpha.input);
    expect(record?.event?.costNanoUsd).toBe(
      (called?.costNanoUsd ?? 0n) + (answered?.costNanoUsd ?? 0n),
    );
    expect(verdict?.sentence).toBe(
      "The provider providers/alpha was called off in attempt 1; " +
        "providers/beta answered attempt 2, made beside a slow one: the caller got a complete answer.",
    );
  });

  it("is explained by penstock why, and by the answer itself", async () => {
    const hedged = transcripts.find(({ attempts }) => attempts === 2);
    const { stdout, exitCode } = await runPenstock(["why", hedged?.requestId ?? ""], gateway);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/1\s+first\s+deployments\/slow\s.*CANCELLED/);
    expect(stdout).toMatch(/2\s+hedge\s+deployments\/quick\s.*OK/);
    expect(hedged?.headers.get("x-penstock-attempt-log")).toMatch(
      /^1 deployments\/slow CANCELLED - \d+ms$/,
    );
  });

  it("answers itself where the second one fails", async () => {
    const { requestId, providers, end } = await ask({ ...ways[0], id: "helped-in-vain" });
    expect({ providers, end }).toEqual({ providers: ["providers/alpha"], end: "complete" });
    expect(callsOf(requestId).map(({ vendor }) => vendor)).toEqual(["alpha", "beta"]);
    const { record } = await gateway.request(requestId);
    expect(record?.event?.attempts).toMatchObject([
      { kind: AttemptKind.HEDGE, outcome: "UPSTREAM_ERROR" },
      { kind: AttemptKind.PRIMARY, outcome: "OK", committed: true },
    ]);
  });

  it.each([
    ["the route has no hedging", { model: "plain" }],
    ["the answer is to be stored", { model: "stored", store: true }],
    ["the caller wishes so", { model: "stored", penstock: { routing: { hedging: false } } }],
  ])("is waited for where %s", async (_, body) => {
    const answer = await sendHttp({
      url: `${gateway.httpUrl}/v1/chat/completions`,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ ...body, messages: [{ role: "user", content: "hi" }] }),
    });
    expect(answer.status).toBe(200);
    const requestId = answer.headers.get("x-request-id") ?? "";
    expect(callsOf(requestId).map(({ vendor }) => vendor)).toEqual(["alpha"]);
  });
});

describe("the books", () => {
  it("have what every attempt cost, once", async () => {
    const calls = gateway.simulator.calls.list().length;
    const attemptsOf = async () => {
      const { usageRecords } = await gateway.control.usage.listUsageRecords({ pageSize: 1_000 });
      return usageRecords.flatMap(({ event }) => event?.attempts ?? []);
    };
    await expect.poll(async () => (await attemptsOf()).length).toBe(calls);
    const costs = (await attemptsOf()).map(({ costNanoUsd = 0n }) => costNanoUsd);
    const sum = costs.reduce((total, cost) => total + cost, 0n);
    const read = async () => (await gateway.balances.getBalance({ quota: "budgets/all" })).balance;
    await expect.poll(async () => (await read())?.posted).toBe(sum);
    expect((await read())?.pending).toBe(0n);
  });

  it("keep all invariants", async () => {
    expect(await findBrokenInvariants({ gateway, transcripts })).toEqual([]);
  });
});
