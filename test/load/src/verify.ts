import { benchBudget, prices } from "./control-client.ts";
import type { ControlClient } from "./control-client.ts";
import type { MockProvider } from "./tools/toolbox.ts";

/** What the provider was asked, and what Penstock says about it afterwards. */
export interface Verification {
  /** As sent by the load generators. */
  readonly requests: number;
  /** Of these, those that the mock provider never saw. */
  readonly refused: number;
  /** Usage records that telemetry has. */
  readonly records: number;
  /** Σ price × tokens of the provider's answers, computed here. Nano-USD. */
  readonly expectedCostNanoUsd: bigint;
  /** Σ cost of the records. Nano-USD. */
  readonly recordedCostNanoUsd: bigint;
  /** What quota's ledger has posted to the budget. Nano-USD. */
  readonly postedNanoUsd: bigint;
  /** Server spans per request; undefined where nothing is traced. */
  readonly traced: number | undefined;
  /** Time until the last record was stored. */
  readonly settledAfterMs: number;
  readonly problems: readonly string[];
}

/** Tokens of every answer of the mock: tools/mock.c. */
export const inputTokens = 57n;
/** Tokens of a whole answer; a streamed one has one for each chunk. */
export const wholeOutputTokens = 141n;
const perMillion = 1_000_000n;

/** Gives up when for so long nothing more was recorded or posted. */
const patienceMs = 60_000;
const pollMs = 500;
const tellEveryMs = 10_000;

/** What is verified. */
export interface VerifyOptions {
  readonly control: ControlClient;
  /** The providers that answered. */
  readonly mocks: readonly MockProvider[];
  readonly chunks: number;
  /** Requests that were sent to Penstock. */
  readonly sent: number;
  /** What was exported, and the share that is expected; absent where nothing is traced. */
  readonly serverSpans?: ReadonlyMap<string, number>;
  readonly traceRatio?: number;
  /** What was charged for; that of `configure` when absent. */
  readonly budgets?: readonly string[];
  readonly progress: (text: string) => void;
}

/** Waits until every request is recorded and posted, and compares; says all that does not match. */
export async function verify(options: VerifyOptions): Promise<Verification> {
  const startMs = performance.now();
  const { whole, streams } = await readCounts(options.mocks);
  const { sent: requests, budgets = [benchBudget], serverSpans, traceRatio } = options;
  const refused = requests - whole - streams;
  const expectedCostNanoUsd =
    BigInt(whole) * cost(wholeOutputTokens) + BigInt(streams) * cost(BigInt(options.chunks));
  const found = await settle(options, budgets, (one) => {
    return one.records >= requests && one.postedNanoUsd >= expectedCostNanoUsd;
  });
  const settledAfterMs = performance.now() - startMs;
  const traced =
    serverSpans === undefined ? undefined : sum(serverSpans.values()) / Math.max(1, requests);
  const sums = { requests, refused, ...found, expectedCostNanoUsd, traced, settledAfterMs };
  return { ...sums, problems: findProblems(sums, traceRatio) };
}

/** Reads until all is there, or until nothing more comes. */
async function settle(
  { control, sent, progress }: VerifyOptions,
  budgets: readonly string[],
  isAll: (found: Found) => boolean,
): Promise<Found> {
  let found = await read(control, budgets);
  let grewAtMs = performance.now();
  let tellAtMs = grewAtMs + tellEveryMs;
  while (!isAll(found) && performance.now() - grewAtMs < patienceMs) {
    await new Promise((resolve) => setTimeout(resolve, pollMs));
    const next = await read(control, budgets);
    const grew = next.records > found.records || next.postedNanoUsd > found.postedNanoUsd;
    if (grew) grewAtMs = performance.now();
    found = next;
    if (performance.now() < tellAtMs) continue;
    tellAtMs += tellEveryMs;
    progress(
      `${found.records} of ${sent} requests recorded, ${found.postedNanoUsd} nano-USD posted`,
    );
  }
  return found;
}

function cost(outputTokens: bigint): bigint {
  return (inputTokens * prices.input + outputTokens * prices.output) / perMillion;
}

interface Counts {
  readonly whole: number;
  readonly streams: number;
}

async function readCounts(mocks: readonly MockProvider[]): Promise<Counts> {
  const all = mocks.map(async ({ port }) => {
    const response = await fetch(`http://127.0.0.1:${port}/counts`);
    return (await response.json()) as Counts;
  });
  const counts = await Promise.all(all);
  return {
    whole: sum(counts.map(({ whole }) => whole)),
    streams: sum(counts.map(({ streams }) => streams)),
  };
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

interface Found {
  readonly records: number;
  readonly recordedCostNanoUsd: bigint;
  readonly postedNanoUsd: bigint;
}

async function read(control: ControlClient, budgets: readonly string[]): Promise<Found> {
  const { total } = await control.usage.queryUsage({});
  let postedNanoUsd = 0n;
  for (const resource of budgets) {
    const { balances } = await control.balances.listBalances({ resource });
    for (const balance of balances) postedNanoUsd += balance.posted;
  }
  return {
    records: Number(total?.requests ?? 0n),
    recordedCostNanoUsd: total?.costNanoUsd ?? 0n,
    postedNanoUsd,
  };
}

function findProblems(sums: Omit<Verification, "problems">, traceRatio = 0): string[] {
  const { requests, records, expectedCostNanoUsd, recordedCostNanoUsd, postedNanoUsd } = sums;
  const problems: string[] = [];
  if (records !== requests) problems.push(`${records} usage records for ${requests} requests`);
  if (recordedCostNanoUsd !== expectedCostNanoUsd) {
    problems.push(`records cost ${recordedCostNanoUsd}, expected ${expectedCostNanoUsd} nano-USD`);
  }
  if (postedNanoUsd !== expectedCostNanoUsd) {
    problems.push(`ledger posted ${postedNanoUsd}, expected ${expectedCostNanoUsd} nano-USD`);
  }
  if (sums.traced === undefined) return problems;
  // Six standard deviations of a draw with this ratio; refusals by the gateway's fault are traced.
  const deviation = Math.sqrt((traceRatio * (1 - traceRatio)) / Math.max(1, requests));
  const slack = 6 * deviation + sums.refused / Math.max(1, requests);
  if (Math.abs(sums.traced - traceRatio) > slack) {
    problems.push(`${(sums.traced * 100).toFixed(2)} % traced, expected ${traceRatio * 100} %`);
  }
  return problems;
}
