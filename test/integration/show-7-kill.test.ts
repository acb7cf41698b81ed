import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toJsonString } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { RequestOutcome, ResourceSchema, TransferState } from "@penstock/api";
import type { Transfer, UsageRecord } from "@penstock/api";
import { askOverHttp, reportClaim } from "@penstock/test-support";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { decided } from "./src/decided.ts";
import { startPenstock } from "./src/penstock-process.ts";
import type { PenstockProcess } from "./src/penstock-process.ts";
import { runPenstock } from "./src/run-penstock.ts";

const streams = 50;
const answered = 3;
/** Requests that their provider has for longer than a second, and does not answer. */
const unanswered = 3;
/** Tokens that have come of each stream by then; the router writes its progress once a second. */
const arrived = 15;
const keyName = "projects/demo/virtualKeys/kill";
const quotas = ["budgets/kill", "limits/kill"];

// The demo's vendor: the start corrects its address when the simulator has another port.
const manifest = `kind: Deployment
name: deployments/slow
provider: providers/alpha
model: alpha-large+delay-100+tokens-400
priceBook: priceBooks/alpha
---
kind: Deployment
name: deployments/hanging
provider: providers/alpha
model: alpha-large+hang
priceBook: priceBooks/alpha
---
kind: Route
name: routes/hanging
match: { models: [hanging] }
strategy: { priority: {} }
targets: [{ deployment: deployments/hanging }]
---
kind: Route
name: routes/slow
match: { models: [slow] }
strategy: { priority: {} }
targets: [{ deployment: deployments/slow }]
---
kind: Budget
name: budgets/kill
scope: { virtualKey: ${keyName} }
amountUsd: "100"
period: MONTH
---
kind: Limit
name: limits/kill
scope: { virtualKey: ${keyName} }
tokensPerMinute: 1000000
`;

const dataDir = mkdtempSync(join(tmpdir(), "penstock-kill-"));
const timeoutMs = 120_000;
const patience = { timeout: 15_000, interval: 100 };
let penstock: PenstockProcess | undefined;
let key: string;
let interrupted: string[];
let before: { readonly resources: string[]; readonly posted: bigint };
let records: UsageRecord[];
let killedAtMs = 0;

async function command(...parameters: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runPenstock([...parameters, "--data-dir", dataDir]);
  if (exitCode !== 0) throw new Error(`penstock ${parameters.join(" ")}: ${stderr}`);
  return stdout.trim();
}

function running(): PenstockProcess {
  if (penstock === undefined) throw new Error("penstock is not running");
  return penstock;
}

async function balanceOf(quota: string) {
  return (await running().balances.getBalance({ quota })).balance;
}

/** What is configured, without the providers, whose addresses a start may correct. */
async function configuration(): Promise<string[]> {
  const { resources } = await running().resources.listResources({ pageSize: 1_000 });
  return resources
    .filter(({ resource }) => resource.case !== "provider")
    .map((resource) => toJsonString(ResourceSchema, resource));
}

function ask(model: string, stream: boolean, content: string): Promise<Response> {
  return fetch(`${running().httpUrl}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model, stream, messages: [{ role: "user", content }] }),
  });
}

function askForStream(number: number): Promise<Response> {
  return ask("slow", true, `stream ${number}`);
}

/** Sends requests that are never answered; resolves once their provider has them. */
async function sendUnanswered(): Promise<void> {
  const hears = async (model: string, count: number): Promise<void> => {
    const calls = await (await fetch(`${simulatorUrl()}/calls`)).text();
    expect(calls.split(model).length - 1).toBe(count);
  };
  const keepAsking = async (number: number): Promise<void> => {
    // As for the streams.
    while ((await ask("hanging", number > 1, `unanswered ${number}`)).status === 503);
  };
  for (let number = 1; number <= unanswered; number += 1) {
    keepAsking(number).catch(() => undefined);
  }
  await vi.waitFor(() => hears("alpha-large+hang", unanswered), patience);
}

function simulatorUrl(): string {
  const text = readFileSync(join(dataDir, "demo.env"), "utf8");
  return /PENSTOCK_SIMULATOR_URL=['"]?([^'"\s]+)/.exec(text)?.[1] ?? "";
}

/** Opens a stream and resolves with the request's id once some has come; reads on unheard. */
async function openStream(number: number): Promise<string> {
  let response = await askForStream(number);
  // A busy machine may keep quota from answering within 150 ms: come again, says the router.
  while (response.status === 503) response = await askForStream(number);
  const reader = response.body?.getReader();
  let text = "";
  while ((text.match(/"content":"[^"]/g)?.length ?? 0) < arrived) {
    const part = await reader?.read();
    if (part === undefined || part.done) throw new Error(`the stream ended: ${text}`);
    text += Buffer.from(part.value).toString();
  }
  const readOn = async (): Promise<void> => {
    while ((await reader?.read())?.done === false);
  };
  readOn().catch(() => undefined);
  return response.headers.get("x-request-id") ?? "";
}

/** The records of all requests of the key that were admitted. */
async function listRecords(): Promise<UsageRecord[]> {
  const filter = { virtualKey: keyName };
  const { usageRecords } = await running().usage.listUsageRecords({ filter, pageSize: 1_000 });
  return usageRecords.filter(({ event }) => event?.outcome !== RequestOutcome.REFUSED);
}

/** Loans that were made before the kill and are not ended. */
async function lentBeforeKill(quota: string): Promise<string[]> {
  const state = TransferState.PENDING;
  const { transfers } = await running().ledger.listTransfers({ quota, state });
  const isOld = ({ createTime }: Transfer): boolean =>
    createTime !== undefined && timestampMs(createTime) < killedAtMs;
  return transfers.filter(isOld).map(({ id }) => id);
}

function outcomesOf(listed: readonly UsageRecord[], requestId: string): number[] {
  return listed
    .filter(({ event }) => event?.requestId === requestId)
    .map(({ event }) => event?.outcome ?? RequestOutcome.UNSPECIFIED);
}

beforeAll(async () => {
  penstock = await startPenstock(dataDir);
  const file = join(dataDir, "kill.yaml");
  key = await command("keys", "issue", "demo/kill");
  writeFileSync(file, manifest);
  await command("apply", "-f", file, "--await");
  for (let number = 0; number < answered; number += 1) {
    const question = { model: "smart", prompt: `before ${number}`, stream: false };
    const { requestId, end } = await decided(() => askOverHttp(running(), key, question));
    expect(end).toBe("complete");
    await running().usage.getRequest({ requestId });
  }
  const resources = await configuration();
  await vi.waitFor(async () => expect((await balanceOf("budgets/kill"))?.pending).toBe(0n));
  const posted = (await balanceOf("budgets/kill"))?.posted ?? 0n;
  expect(posted).toBeGreaterThan(0n);
  before = { resources, posted };
  // The streams take longer than the second after which an attempt without an answer is noted.
  await sendUnanswered();
  interrupted = await Promise.all(Array.from({ length: streams }, (_, at) => openStream(at)));
  // Quota shall have heard of what they hold, so that there is something to be left pending.
  await vi.waitFor(async () => {
    expect((await balanceOf("budgets/kill"))?.leased).toBeGreaterThan(0n);
  }, 5_000);
  killedAtMs = Date.now();
  expect((await lentBeforeKill("budgets/kill")).length).toBeGreaterThan(0);
  await running().kill();
  penstock = await startPenstock(dataDir);
}, timeoutMs);

afterAll(async () => {
  await penstock?.kill();
  rmSync(dataDir, { recursive: true, force: true, maxRetries: 3 });
});

describe("kill -9 in the middle of 50 streams, and a start on the same data folder", () => {
  it("gives each of the 50 exactly one record, which says that it was interrupted", async () => {
    for (const requestId of interrupted) {
      const { record, verdict } = await running().usage.getRequest({ requestId });
      expect(record?.event?.outcome).toBe(RequestOutcome.INTERRUPTED);
      expect(record?.event).toMatchObject({ estimated: true, model: "slow", stream: true });
      expect(verdict?.sentence).not.toBe("");
    }
    records = await listRecords();
    const wrong = interrupted.filter((id) => {
      const outcomes = outcomesOf(records, id);
      return outcomes.length !== 1 || outcomes[0] !== RequestOutcome.INTERRUPTED;
    });
    reportClaim("kill-recovery", wrong.length, "requests without exactly one record");
    expect(wrong).toEqual([]);
    expect(records).toHaveLength(streams + answered + unanswered);
  });

  it("bills what had arrived of each", () => {
    for (const { event } of records) {
      if (event?.model === "hanging") continue;
      const [attempt] = event?.attempts ?? [];
      expect(attempt?.provider).toBe("providers/alpha");
      expect(attempt?.usage?.outputTokens).toBeGreaterThan(0n);
      expect(attempt?.usage?.inputTokens).toBeGreaterThan(0n);
      expect(event?.costNanoUsd).toBe(attempt?.costNanoUsd);
    }
  });

  it("bills the estimated input of what was sent and not answered", () => {
    const sent = records.filter(({ event }) => event?.model === "hanging");
    expect(sent).toHaveLength(unanswered);
    for (const { event } of sent) {
      expect(event).toMatchObject({ outcome: RequestOutcome.INTERRUPTED, estimated: true });
      const [attempt] = event?.attempts ?? [];
      expect(attempt).toMatchObject({ provider: "providers/alpha", usage: { outputTokens: 0n } });
      expect(attempt?.usage?.inputTokens).toBeGreaterThan(0n);
      expect(event?.costNanoUsd).toBe(attempt?.costNanoUsd);
      expect(event?.costNanoUsd).toBeGreaterThan(0n);
    }
  });

  it("leaves nothing pending and nothing lent to the process that died", async () => {
    for (const quota of quotas) {
      await expect.poll(() => lentBeforeKill(quota), patience).toEqual([]);
      await expect
        .poll(() => balanceOf(quota), patience)
        .toMatchObject({ pending: 0n, overshoot: 0n });
    }
    const cost = records.reduce((sum, { event }) => sum + (event?.costNanoUsd ?? 0n), 0n);
    expect(cost).toBeGreaterThan(before.posted);
    // What is lent now was lent to the new process, ahead of its first request.
    const { limit = 0n, posted, leased = 0n, available } = (await balanceOf("budgets/kill")) ?? {};
    expect({ posted, available }).toEqual({ posted: cost, available: limit - cost - leased });
    const page = { quota: "budgets/kill", pageSize: 1_000 };
    const { transfers } = await running().ledger.listTransfers(page);
    const charges = transfers.filter(({ id, leaseId }) => id !== leaseId);
    expect(charges.map(({ id }) => id).toSorted()).toEqual(
      records.map(({ event }) => event?.requestId ?? "").toSorted(),
    );
  });

  it("keeps the configuration and the key", async () => {
    expect(await configuration()).toEqual(before.resources);
    const question = { model: "smart", prompt: "after", stream: false };
    const { end, requestId } = await decided(() => askOverHttp(running(), key, question));
    expect(end).toBe("complete");
    const { record } = await running().usage.getRequest({ requestId });
    expect(record?.event?.outcome).toBe(RequestOutcome.COMPLETED);
    expect(await listRecords()).toHaveLength(streams + answered + unanswered + 1);
  });
});
