import type { UsageRecord } from "@penstock/api";
import { RequestOutcome } from "@penstock/api";
import type { Transcript } from "@penstock/test-support";
import { expect } from "vitest";
import { answerNanoUsd, patienceMs } from "./outage-rig.ts";
import type { OutageRig } from "./outage-rig.ts";
import type { OutageTale } from "./outage-story.ts";

const booksPatience = { timeout: 60_000, interval: 200 };
/** Before everything comes back: by then every lease is used up. */
const lastMomentsMs = 1_000;
/** A lease whose holder is gone ends after 30 s; the service looks every few seconds. */
const leasesPatience = { timeout: 45_000, interval: 500 };

/** What callers saw: one key served throughout, the other told the truth. */
export function checkAnswers({ callers }: OutageRig, tale: OutageTale): void {
  expect(endings(callers.since("free", 0))).toEqual({
    complete: callers.since("free", 0).length,
  });
  // From leases that were there at quota's death, then refused until the end of the outage.
  const hard = callers.answers.filter(({ key }) => key === "hard");
  const dead = hard.filter(({ askedMs }) => askedMs > tale.quotaDeadMs && askedMs < tale.backMs);
  const late = dead.filter(({ askedMs }) => askedMs > tale.backMs - lastMomentsMs);
  expect(dead.some(({ transcript }) => transcript.end === "complete")).toBe(true);
  expect(late.length).toBeGreaterThan(0);
  expect(late.filter(({ transcript }) => transcript.error === undefined)).toEqual([]);
  const refused = hard.filter(({ transcript }) => transcript.error !== undefined);
  for (const { transcript } of refused) expectRefusal(transcript);
  expectRefusal(tale.hardAfterRestart);
  const [alive, ended] = tale.rareAnswers;
  expect(alive?.status).toBe(200);
  if (ended !== undefined) expectRefusal(ended);
  const slowest = callers.answers.map(({ transcript }) => transcript.elapsedMs);
  expect(Math.max(...slowest)).toBeLessThan(patienceMs);
}

/** 503, never 429: nothing is used up, quota can't be asked. With a delay, at both doors. */
function expectRefusal({ door, status, error, headers }: Transcript): void {
  expect({ status, reason: error?.reason }).toEqual({ status: 503, reason: "QUOTA_UNAVAILABLE" });
  expect(error?.retryAfterMs).toBeGreaterThan(0);
  if (door === "http") expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
}

/** What the books say: each answer once, and the ledger owes exactly what the vendor was asked. */
export async function checkOutageBooks({ gateway, callers }: OutageRig): Promise<void> {
  const completed = callers.answers.filter(({ transcript }) => transcript.end === "complete");
  const answered = completed.map(({ transcript }) => transcript.requestId).toSorted();
  const calls = gateway.simulator.calls.list();
  expect(calls.map(requestOf).toSorted()).toEqual(answered);
  await expect
    .poll(async () => (await completedRecords(gateway)).map(idOf).toSorted(), booksPatience)
    .toEqual(answered);
  for (const key of ["hard", "rare"]) {
    const own = new Set(
      completed.filter((answer) => answer.key === key).map((one) => one.transcript.requestId),
    );
    const costNanoUsd = calls
      .filter((call) => own.has(requestOf(call)))
      .reduce((sum, { sentTokens }) => sum + (BigInt(sentTokens) * answerNanoUsd) / 10n, 0n);
    expect(costNanoUsd).toBe(BigInt(own.size) * answerNanoUsd);
    const read = async () =>
      (await gateway.balances.getBalance({ quota: `budgets/${key}` })).balance;
    await expect
      .poll(read, booksPatience)
      .toMatchObject({ posted: costNanoUsd, pending: 0n, overshoot: 0n });
    const balance = await read();
    if (balance === undefined) throw new TypeError("a budget has a balance");
    expect(balance.available).toBe(balance.limit - balance.posted - balance.leased);
  }
}

/** Ends the routers, which give back what they hold: nothing else is lent to anybody. */
export async function checkNothingLent({ gateway }: OutageRig): Promise<void> {
  const routers = ["router-1", "router-2"] as const;
  expect(await Promise.all(routers.map((name) => gateway.role(name).terminate()))).toEqual([0, 0]);
  for (const key of ["hard", "rare"]) {
    await expect
      .poll(async () => {
        const { balance } = await gateway.balances.getBalance({ quota: `budgets/${key}` });
        if (balance === undefined) throw new TypeError("a budget has a balance");
        const { leased, available, limit, posted } = balance;
        return { leased, missing: limit - posted - available };
      }, leasesPatience)
      .toEqual({ leased: 0n, missing: 0n });
  }
}

async function completedRecords(gateway: OutageRig["gateway"]): Promise<UsageRecord[]> {
  const records: UsageRecord[] = [];
  let pageToken = "";
  do {
    const page = await gateway.control.usage.listUsageRecords({ pageSize: 1_000, pageToken });
    records.push(...page.usageRecords);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return records.filter(({ event }) => event?.outcome === RequestOutcome.COMPLETED);
}

/** A vendor is told `<request>.<attempt>`. */
function requestOf({ requestId }: { readonly requestId: string }): string {
  return requestId.split(".")[0] ?? "";
}

function idOf({ event }: UsageRecord): string {
  return event?.requestId ?? "";
}

/** A readable account: what was dead when, and how many answers of which kind there were. */
export function describeOutage({ callers }: OutageRig, tale: OutageTale): string {
  const [begin] = tale.chapters;
  const lines = tale.chapters.map(({ what, fromMs }, index) => {
    const toMs = tale.chapters[index + 1]?.fromMs ?? Infinity;
    const within = callers.answers.filter(({ askedMs }) => askedMs >= fromMs && askedMs < toMs);
    const told = ["free", "hard", "rare"].flatMap((key) => {
      const own = within.filter((answer) => answer.key === key);
      if (own.length === 0) return [];
      const counts = endings(own.map(({ transcript }) => transcript));
      const parts = Object.entries(counts).map(([ending, count]) => `${count} ${ending}`);
      const slowestMs = Math.max(...own.map(({ transcript }) => transcript.elapsedMs));
      return [`${key}: ${parts.join(", ")} (slowest ${Math.round(slowestMs)} ms)`];
    });
    const second = ((fromMs - (begin?.fromMs ?? 0)) / 1_000).toFixed(1).padStart(6);
    return `${second} s  ${what.padEnd(48)} ${told.join("; ")}`;
  });
  const figures = [
    `router 1 answered ${Math.round(tale.restartMs)} ms after its start; a hard budget was`,
    `served ${Math.round(tale.recoveredMs)} ms after quota was ready`,
  ].join(" ");
  return `${[...lines, figures].join("\n")}\n`;
}

function endings(transcripts: readonly Transcript[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { end, error } of transcripts) {
    const ending = error?.reason ?? end;
    counts[ending] = (counts[ending] ?? 0) + 1;
  }
  return counts;
}
