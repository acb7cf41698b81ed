import { RequestOutcome, TransferState } from "@penstock/api";
import type { Balance, Transfer, UsageRecord } from "@penstock/api";
import { isErrorReason, reasons } from "@penstock/errors";
import type { SimulatedCall } from "@penstock/simulator";
import { sleep, systemClock } from "@penstock/runtime";
import type { Transcript } from "../callers/transcript.ts";
import type { Constellation } from "../constellation/constellation.ts";

/** What the invariants are checked on. */
export interface Evidence {
  readonly gateway: Pick<Constellation, "balances" | "ledger" | "control" | "simulator">;
  /** What every caller saw. */
  readonly transcripts: readonly Transcript[];
}

const quietTimeoutMs = 10_000;
const lookEveryMs = 50;

/**
 * Waits until the gateway is quiet, then checks the invariants that every test of the whole ends
 * with: no quota beyond its limit and none left pending, posted amounts are the sum of their
 * transfers, one usage record per request whose attempts are the vendors' calls, no transcript
 * with two vendors or with anything after its end, every error with reason, id and advice. Gives
 * a sentence for each that is broken; none for a healthy gateway.
 */
export async function findBrokenInvariants(evidence: Evidence): Promise<string[]> {
  const records = await quietRecords(evidence);
  const { balances, transfers } = await quietLedger(evidence);
  const calls = evidence.gateway.simulator.calls.list();
  return [
    ...checkBalances(balances, transfers),
    ...evidence.transcripts.flatMap((transcript) => checkTranscript(transcript)),
    ...evidence.transcripts.flatMap(({ requestId }) => checkRecords(requestId, { records, calls })),
  ];
}

/** Every quota's parts fit into its limit, and the ledger tells how it came to them. */
export function checkBalances(
  balances: readonly Balance[],
  transfers: readonly Transfer[],
): string[] {
  return balances.flatMap((balance) => {
    const { quota, limit, posted, pending, leased, overshoot } = balance;
    const broken: string[] = [];
    if (posted + pending + leased > limit + overshoot) {
      broken.push(`${quota}: ${posted} + ${pending} + ${leased} is above its limit ${limit}`);
    }
    if (pending !== 0n) broken.push(`${quota}: ${pending} is still pending`);
    const since = balance.periodStartTime?.seconds ?? 0n;
    const sum = transfers
      .filter((transfer) => transfer.quota === quota && transfer.state === TransferState.POSTED)
      .filter((transfer) => (transfer.periodStartTime?.seconds ?? 0n) >= since)
      .reduce((total, { amount }) => total + amount, 0n);
    if (sum !== posted) broken.push(`${quota}: posted ${posted}, but its transfers sum to ${sum}`);
    return broken;
  });
}

/** A transcript has one vendor and one end, and its error says what to do. */
export function checkTranscript(transcript: Transcript): string[] {
  const { requestId, door, status, providers, wentOn, end, error } = transcript;
  const name = `${door} request ${requestId} (status ${status})`;
  const broken: string[] = [];
  if (requestId === "") broken.push(`${name}: no request id`);
  if (new Set(providers).size > 1) broken.push(`${name}: content of ${providers.join(" and ")}`);
  if (wentOn) broken.push(`${name}: something followed its end`);
  if (end === "cut") broken.push(`${name}: ended without an end mark and without an error`);
  if (error === undefined) return broken;
  if (!isErrorReason(error.reason)) broken.push(`${name}: "${error.reason}" is no reason`);
  else if (reasons[error.reason].retry === "later" && error.retryAfterMs === undefined) {
    broken.push(`${name}: ${error.reason} without a delay`);
  }
  return broken;
}

/** One record per request, whose attempts are the calls that the vendors saw. */
export function checkRecords(
  requestId: string,
  seen: { readonly records: readonly UsageRecord[]; readonly calls: readonly SimulatedCall[] },
): string[] {
  const own = seen.records.filter(({ event }) => event?.requestId === requestId);
  const [record] = own;
  if (record?.event === undefined || own.length > 1) {
    return [`request ${requestId}: ${own.length} usage records instead of one`];
  }
  const { attempts, outcome } = record.event;
  const broken: string[] = [];
  if (outcome === RequestOutcome.UNSPECIFIED) broken.push(`request ${requestId}: no outcome`);
  const made = new Set(attempts.map(({ number }) => `${requestId}.${number}`));
  if (made.size !== attempts.length) broken.push(`request ${requestId}: an attempt stands twice`);
  for (const call of seen.calls) {
    if (!call.requestId.startsWith(`${requestId}.`)) continue;
    if (!made.has(call.requestId)) broken.push(`${call.requestId} was called but not recorded`);
  }
  for (const { number, httpStatus } of attempts) {
    const callId = `${requestId}.${number}`;
    const found = seen.calls.filter((call) => call.requestId === callId).length;
    if (found > 1 || (found === 0 && httpStatus !== 0)) {
      broken.push(`${callId} is recorded, and the vendors saw it ${found} times`);
    }
  }
  return broken;
}

/** All usage records, once those of all transcripts are there. */
async function quietRecords({ gateway, transcripts }: Evidence): Promise<UsageRecord[]> {
  const wanted = new Set(transcripts.map(({ requestId }) => requestId));
  return await untilQuiet(
    () =>
      everyPage(async (pageToken) => {
        const page = await gateway.control.usage.listUsageRecords({ pageSize: 1_000, pageToken });
        return { items: page.usageRecords, nextPageToken: page.nextPageToken };
      }),
    (records) => {
      const found = records.filter(({ event }) => wanted.has(event?.requestId ?? ""));
      return found.length >= wanted.size;
    },
  );
}

async function quietLedger({ gateway }: Evidence) {
  return await untilQuiet(
    async () => ({
      balances: await everyPage(async (pageToken) => {
        const page = await gateway.balances.listBalances({ pageSize: 1_000, pageToken });
        return { items: page.balances, nextPageToken: page.nextPageToken };
      }),
      transfers: await everyPage(async (pageToken) => {
        const page = await gateway.ledger.listTransfers({ pageSize: 1_000, pageToken });
        return { items: page.transfers, nextPageToken: page.nextPageToken };
      }),
    }),
    ({ balances, transfers }) => checkBalances(balances, transfers).length === 0,
  );
}

/** Reads until it is as it should be, or gives what there is in the end. */
async function untilQuiet<Found>(
  read: () => Promise<Found>,
  isQuiet: (found: Found) => boolean,
): Promise<Found> {
  const endMs = systemClock.monotonicMs() + quietTimeoutMs;
  for (;;) {
    const found = await read();
    if (isQuiet(found) || systemClock.monotonicMs() > endMs) return found;
    await sleep(systemClock, lookEveryMs);
  }
}

async function everyPage<Item>(
  read: (pageToken: string) => Promise<{ items: readonly Item[]; nextPageToken: string }>,
): Promise<Item[]> {
  const all: Item[] = [];
  let pageToken = "";
  do {
    const page = await read(pageToken);
    all.push(...page.items);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return all;
}
