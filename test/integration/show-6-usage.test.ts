import { RequestOutcome, UsageSource } from "@penstock/api";
import type { Attempt, GetRequestResponse, UsageRecord } from "@penstock/api";
import { MessageRole } from "@penstock/client";
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
import type { Constellation, Transcript } from "@penstock/test-support";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { breakOffGrpc, breakOffHttp } from "./src/broken-off.ts";
import type { BrokenOff } from "./src/broken-off.ts";
import { runPenstock } from "./src/run-penstock.ts";

let penstock: Constellation;
let key: string;

const keyName = "projects/p/virtualKeys/k";

/** Nano-USD per million tokens. Those of alpha make fractions of a nano-USD, which are rounded. */
const prices = {
  "providers/alpha": { input: 37_500_000n, output: 112_500_000n },
  "providers/beta": { input: 3_000_000_000n, output: 15_000_000_000n },
} as const;

const resources = (simulatorUrl: string): string =>
  [
    projectManifest("p"),
    providerManifest("alpha", `${simulatorUrl}/alpha/v1`, {
      inputUsd: "0.0375",
      outputUsd: "0.1125",
    }),
    providerManifest("beta", `${simulatorUrl}/beta/v1`, { inputUsd: "3", outputUsd: "15" }),
    deploymentManifest("alpha", "alpha", "alpha-large+delay-0"),
    deploymentManifest("beta", "beta", "beta-large+delay-0"),
    deploymentManifest("failing", "alpha", "alpha-large+status-503"),
    deploymentManifest("cut", "alpha", "alpha-large+delay-0+cut-after-0"),
    deploymentManifest("stalling", "alpha", "alpha-large+delay-1+stall-after-7"),
    routeManifest("smart", ["alpha", "beta"]),
    routeManifest("failing", ["failing", "beta"]),
    routeManifest("cut", ["cut", "beta"]),
    routeManifest("stalling", ["stalling"]),
    // The other target may take its time, as the machine may be busy.
    `timeouts: { firstToken: 0.3s }
${deploymentManifest("silent", "alpha", "alpha-large+hang")}`,
    routeManifest("silent", ["silent", "beta"]),
    `kind: Policy
name: policies/no-secrets
scope: { project: projects/p }
denyModels: [secret]
---
`,
    routeManifest("secret", ["alpha"]),
  ].join("");

beforeAll(async () => {
  penstock = await startConstellation({ resources });
  key = await penstock.issueKey(keyName);
});

afterAll(async () => {
  await penstock?.close();
});

/** What so many tokens of a provider cost: summed exactly, then divided once, half up. */
function costOf(provider: string, inputTokens: bigint, outputTokens: bigint): bigint {
  const price = prices[provider as keyof typeof prices];
  const millionths = inputTokens * price.input + outputTokens * price.output;
  return (millionths * 2n + 1_000_000n) / 2_000_000n;
}

function costOfAttempt({ provider, usage }: Attempt): bigint {
  return usage === undefined
    ? 0n
    : costOf(provider, usage.inputTokens ?? 0n, usage.outputTokens ?? 0n);
}

const transcripts: Transcript[] = [];
const brokenOff: BrokenOff[] = [];
const refusals: Transcript[] = [];
const records = new Map<string, GetRequestResponse>();

/** One of everything, at the same time. */
async function sendEverything(): Promise<void> {
  const client = penstock.grpcClient(key);
  const ask = async (model: string, stream: boolean, door: "http" | "grpc"): Promise<void> => {
    const prompt = `${door} ${stream ? "streamed" : "whole"} ${transcripts.length}`;
    const question = { model, prompt, stream };
    const answering =
      door === "http" ? askOverHttp(penstock, key, question) : askOverGrpc(client, question);
    transcripts.push(await answering);
  };
  const parts = [{ part: { case: "text" as const, value: { text: "stall" } } }];
  const messages = [{ role: MessageRole.USER, parts }];
  const cancel = async (breaking: Promise<BrokenOff>): Promise<void> => {
    brokenOff.push(await breaking);
  };
  await Promise.all([
    ask("smart", false, "http"),
    ask("smart", false, "http"),
    ask("smart", true, "http"),
    ask("smart", false, "grpc"),
    ask("smart", true, "grpc"),
    ask("failing", false, "http"),
    ask("failing", true, "grpc"),
    ask("cut", true, "http"),
    ask("cut", true, "grpc"),
    ask("silent", false, "http"),
    ask("silent", true, "grpc"),
    cancel(breakOffHttp(penstock, key, { model: "stalling", prompt: "stall", pieces: 7 })),
    cancel(breakOffGrpc(client, { model: "stalling", messages }, 7)),
  ]);
}

function attemptsOf(record: UsageRecord | undefined): readonly Attempt[] {
  return record?.event?.attempts ?? [];
}

/** The record of an answered request. */
function recordOf(requestId: string): UsageRecord {
  const record = records.get(requestId)?.record;
  if (record === undefined) throw new Error(`there is no record of ${requestId}`);
  return record;
}

describe("the usage of answered, failed over and cancelled requests", () => {
  beforeAll(async () => {
    await sendEverything();
    const ids = [...transcripts, ...brokenOff].map(({ requestId }) => requestId);
    for (const id of ids) records.set(id, await penstock.request(id));
  });

  it("is what providers reported, at the price of the price book", () => {
    expect(transcripts).toHaveLength(11);
    for (const { requestId, usage, end, headers, trailers } of transcripts) {
      expect(end).toBe("complete");
      const { event } = recordOf(requestId);
      expect(event?.outcome).toBe(RequestOutcome.COMPLETED);
      const last = event?.attempts.at(-1);
      expect(last?.usage?.source).toBe(UsageSource.REPORTED);
      expect(last?.usage?.inputTokens).toBe(BigInt(usage?.inputTokens ?? -1));
      expect(last?.usage?.outputTokens).toBe(BigInt(usage?.outputTokens ?? -1));
      const [call] = penstock.simulator.calls.list(`${requestId}.${last?.number}`);
      expect(usage).toEqual({ inputTokens: call?.inputTokens, outputTokens: call?.sentTokens });
      const cost = (event?.attempts ?? []).map(costOfAttempt).reduce((a, b) => a + b);
      expect(event?.costNanoUsd).toBe(cost);
      const told = headers.get("x-penstock-cost-usd") ?? trailers.get("x-penstock-cost-usd");
      expect(Math.round(Number(told) * 1e9)).toBe(Number(cost));
    }
  });

  it("shows each billed attempt of a request that failed over", () => {
    const over = transcripts.map(({ requestId }) => recordOf(requestId));
    const failing = over.filter(({ event }) => event?.model === "failing");
    expect(failing).toHaveLength(2);
    for (const record of failing) {
      const attempts = attemptsOf(record);
      const last = attempts.at(-1);
      expect(last?.provider).toBe("providers/beta");
      const before = attempts.slice(0, -1);
      expect(before.length).toBeGreaterThan(0);
      for (const attempt of before) {
        expect(attempt).toMatchObject({ provider: "providers/alpha", httpStatus: 503 });
        expect(attempt.usage).toBeUndefined();
      }
      expect(record.event?.estimated).toBe(false);
    }
    const cut = over.filter(({ event }) => event?.model === "cut");
    expect(cut).toHaveLength(2);
    for (const record of cut) {
      const attempts = attemptsOf(record);
      expect(attempts.at(-1)?.provider).toBe("providers/beta");
      for (const attempt of attempts.slice(0, -1)) {
        // It had begun to answer, so that its input is billed; nothing of an output had come.
        expect(attempt).toMatchObject({ provider: "providers/alpha", httpStatus: 200 });
        expect(attempt.usage?.source).toBe(UsageSource.ESTIMATED);
        expect(attempt.usage?.inputTokens).toBeGreaterThan(0n);
        expect(attempt.usage?.outputTokens).toBe(0n);
        expect(attempt.costNanoUsd).toBe(costOfAttempt(attempt));
      }
      expect(record.event?.estimated).toBe(true);
    }
  });

  it("counts the input of an attempt that was sent and never answered", () => {
    const silent = transcripts
      .map(({ requestId }) => recordOf(requestId))
      .filter(({ event }) => event?.model === "silent");
    expect(silent).toHaveLength(2);
    for (const record of silent) {
      const [first] = attemptsOf(record);
      // The vendor's log has it: it read the request, and may bill it.
      const [call] = penstock.simulator.calls.list(`${record.event?.requestId}.1`);
      expect(call).toMatchObject({ status: 0, sentTokens: 0 });
      expect(call?.inputTokens).toBeGreaterThan(0);
      expect(first).toMatchObject({ outcome: "TIMEOUT_FIRST_TOKEN", httpStatus: 0 });
      expect(first?.usage?.source).toBe(UsageSource.ESTIMATED);
      expect(first?.usage?.inputTokens).toBeGreaterThan(0n);
      expect(first?.usage?.outputTokens).toBe(0n);
      expect(first?.costNanoUsd).toBe(first && costOfAttempt(first));
      expect(record.event?.estimated).toBe(true);
    }
  });

  it("of a cancelled stream is marked estimated and equals what had been sent", () => {
    expect(brokenOff).toHaveLength(2);
    for (const { requestId, pieces } of brokenOff) {
      const { event } = recordOf(requestId);
      expect(event).toMatchObject({ outcome: RequestOutcome.CANCELLED, estimated: true });
      const calls = penstock.simulator.calls.list(requestId);
      expect(calls).toHaveLength(1);
      expect(calls[0]?.end).toBe("closed_by_caller");
      expect(pieces).toBe(calls[0]?.sentTokens);
      expect(event?.usage?.outputTokens).toBe(BigInt(calls[0]?.sentTokens ?? -1));
      expect(event?.usage?.source).toBe(UsageSource.ESTIMATED);
      expect(event?.costNanoUsd).toBe(attemptsOf(recordOf(requestId)).map(costOfAttempt)[0]);
    }
  });

  it("of a refused request is there as soon as it was refused, with whose doing it was", async () => {
    const client = penstock.grpcClient(key);
    const question = { prompt: "no", stream: false };
    const unknown = await askOverHttp(penstock, key, { ...question, model: "unheard-of" });
    const denied = await askOverGrpc(client, { ...question, model: "secret" });
    refusals.push(unknown, denied);
    for (const [refusal, reason] of [
      [unknown, "MODEL_NOT_FOUND"],
      [denied, "MODEL_NOT_ALLOWED"],
    ] as const) {
      expect(refusal.error?.reason).toBe(reason);
      const answer = await penstock.request(refusal.requestId);
      records.set(refusal.requestId, answer);
      expect(answer.record?.event).toMatchObject({ outcome: RequestOutcome.REFUSED, attempts: [] });
      expect(answer.record?.event?.error?.reason).toBe(reason);
      expect(answer.record?.event?.principal?.virtualKey).toBe(keyName);
      expect(answer.verdict?.sentence).not.toBe("");
    }
  });
});

describe("penstock usage", () => {
  it("shows exactly the requests made, and their cost to the nano-USD", async () => {
    const { exitCode, stdout } = await runPenstock(
      ["usage", "--group-by", "key", "-o", "json"],
      penstock,
    );
    expect(exitCode).toBe(0);
    const events = [...records.values()].map(({ record }) => record?.event);
    const attempts = [...records.values()].flatMap(({ record }) => attemptsOf(record));
    const sum = (pick: (attempt: Attempt) => bigint): bigint =>
      attempts.reduce((total, attempt) => total + pick(attempt), 0n);
    const expected = {
      key: keyName,
      requests: transcripts.length + brokenOff.length + refusals.length,
      completedRequests: transcripts.length,
      refusedRequests: refusals.length,
      attempts: attempts.length,
      inputTokens: Number(sum(({ usage }) => usage?.inputTokens ?? 0n)),
      outputTokens: Number(sum(({ usage }) => usage?.outputTokens ?? 0n)),
      costNanoUsd: String(sum(costOfAttempt)),
      estimatedRequests: events.filter((event) => event?.estimated).length,
      unpricedRequests: 0,
    };
    const { rows } = JSON.parse(stdout) as { rows: { costNanoUsd: string }[] };
    const wrongNanoUsd = Number(BigInt(rows[0]?.costNanoUsd ?? 0) - sum(costOfAttempt));
    reportClaim("exact-usage", Math.abs(wrongNanoUsd), "nano-USD too much or too little");
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject(expected);
  });

  it("rests on one record per request", async () => {
    const { usageRecords, nextPageToken } = await penstock.control.usage.listUsageRecords({
      filter: { virtualKey: keyName },
      pageSize: 100,
    });
    expect(nextPageToken).toBe("");
    const ids = usageRecords.map(({ event }) => event?.requestId ?? "");
    expect(ids.toSorted()).toEqual([...records.keys()].toSorted());
    const calls = penstock.simulator.calls.list();
    const attempts = usageRecords.flatMap(({ event }) => event?.attempts ?? []);
    expect(attempts).toHaveLength(calls.length);
  });
});
