import type { UsageRecord } from "@penstock/api";
import { sleep, systemClock } from "@penstock/runtime";
import type { Transcript } from "../callers/transcript.ts";
import type { Constellation } from "../constellation/constellation.ts";
import type { Broken, InvariantName } from "./broken.ts";
import { checkBalances } from "./check-balances.ts";
import { checkBooks, checkRecords, checkRetries } from "./check-records.ts";
import { checkTranscript } from "./check-transcript.ts";
import { everyPage } from "./every-page.ts";

export type { InvariantName } from "./broken.ts";

/** What the invariants are checked on. */
export interface Evidence {
  readonly gateway: Pick<
    Constellation,
    "balances" | "ledger" | "control" | "simulator" | "routers"
  >;
  /** What every caller saw. */
  readonly transcripts: readonly Transcript[];
}

const quietTimeoutMs = 10_000;
const lookEveryMs = 50;
/** Leases are held by workers; no test has a router with more. */
const workersOfRouter = 4;

/** The same for all that was asked through a gateway, but for those that are exempt. */
export async function checkInvariants(
  gateway: Constellation,
  exempt: Readonly<Partial<Record<InvariantName, string>>>,
): Promise<string[]> {
  const { transcripts } = gateway;
  const broken = await findBroken({ gateway, transcripts }, (one) => !(one in exempt));
  return broken.map(sentence);
}

/**
 * Waits until the gateway is quiet, then checks the invariants that every test of the whole ends
 * with: no quota beyond its limit and none left pending, posted amounts are the sum of their
 * transfers, one usage record per request whose attempts are the vendors' calls, no transcript
 * with two vendors or with anything after its end, every error with reason, id and advice. Gives
 * a sentence for each that is broken; none for a healthy gateway.
 */
export async function findBrokenInvariants(evidence: Evidence): Promise<string[]> {
  return (await findBroken(evidence, () => true)).map(sentence);
}

function sentence({ invariant, what }: Broken): string {
  return `${invariant} ${what}`;
}

async function findBroken(
  evidence: Evidence,
  isChecked: (invariant: InvariantName) => boolean,
): Promise<Broken[]> {
  const { gateway, transcripts } = evidence;
  const known = transcripts.filter(isRecorded);
  const records = isChecked("I3") ? await quietRecords(evidence, known) : [];
  const { balances, transfers } = await quietLedger(evidence, isChecked);
  const calls = gateway.simulator.calls.list();
  const all = [
    ...checkBalances(balances, transfers),
    ...transcripts.flatMap((transcript) => checkTranscript(transcript)),
    ...known.flatMap(({ requestId }) => checkRecords(requestId, { records, calls })),
    ...checkBooks({ records, calls }),
    ...checkRetries(records, gateway.routers.length * workersOfRouter),
  ];
  return all.filter(({ invariant }) => isChecked(invariant));
}

/** Nothing is recorded of callers that nobody knows, so that they cannot fill the books. */
function isRecorded({ requestId, error }: Transcript): boolean {
  return requestId !== "" && error?.reason.startsWith("KEY_") !== true;
}

/** All usage records, once those of all transcripts are there. */
async function quietRecords(
  { gateway: { control, simulator } }: Evidence,
  transcripts: readonly Transcript[],
): Promise<UsageRecord[]> {
  const wanted = new Set(transcripts.map(({ requestId }) => requestId));
  return await untilQuiet(
    () =>
      everyPage(async (pageToken) => {
        const page = await control.usage.listUsageRecords({ pageSize: 1_000, pageToken });
        return { items: page.usageRecords, nextPageToken: page.nextPageToken };
      }),
    (records) => {
      const found = records.filter(({ event }) => wanted.has(event?.requestId ?? ""));
      const isMissing = checkBooks({ records, calls: simulator.calls.list() }).length > 0;
      return found.length >= wanted.size && !isMissing;
    },
  );
}

async function quietLedger(
  { gateway }: Evidence,
  isChecked: (invariant: InvariantName) => boolean,
) {
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
    ({ balances, transfers }) =>
      checkBalances(balances, transfers).every(({ invariant }) => !isChecked(invariant)),
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
