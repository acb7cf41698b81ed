import { AttemptKind, RequestOutcome } from "@penstock/api";
import type { UsageRecord } from "@penstock/api";
import type { SimulatedCall } from "@penstock/simulator";
import type { Broken } from "./broken.ts";

/** What telemetry recorded and what the vendors saw. */
export interface Books {
  readonly records: readonly UsageRecord[];
  readonly calls: readonly SimulatedCall[];
}

/** I3: one record per request, whose attempts are the calls that the vendors saw. */
export function checkRecords(requestId: string, seen: Books): Broken[] {
  const own = seen.records.filter(({ event }) => event?.requestId === requestId);
  const [record] = own;
  const broken: Broken[] = [];
  const note = (what: string) => void broken.push({ invariant: "I3", what });
  if (record?.event === undefined || own.length > 1) {
    note(`request ${requestId}: ${own.length} usage records instead of one`);
    return broken;
  }
  const { attempts, outcome } = record.event;
  if (outcome === RequestOutcome.UNSPECIFIED) note(`request ${requestId}: no outcome`);
  const made = new Set(attempts.map(({ number }) => `${requestId}.${number}`));
  if (made.size !== attempts.length) note(`request ${requestId}: an attempt stands twice`);
  for (const call of seen.calls) {
    if (!call.requestId.startsWith(`${requestId}.`)) continue;
    if (!made.has(call.requestId)) note(`${call.requestId} was called but not recorded`);
  }
  for (const { number, httpStatus } of attempts) {
    const callId = `${requestId}.${number}`;
    const found = seen.calls.filter((call) => call.requestId === callId).length;
    if (found > 1 || (found === 0 && httpStatus !== 0)) {
      note(`${callId} is recorded, and the vendors saw it ${found} times`);
    }
  }
  return broken;
}

/** I3: no request has two records, and every call of a vendor belongs to one that has. */
export function checkBooks({ records, calls }: Books): Broken[] {
  const counts = new Map<string, number>();
  for (const { event } of records) {
    const id = event?.requestId ?? "";
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  const twice = [...counts].filter(([, count]) => count > 1);
  const unknown = calls.filter(({ requestId }) => {
    // Whoever asks the vendor without a gateway sends no id of ours.
    const [id = "", attempt] = requestId.split(".");
    return attempt !== undefined && !counts.has(id);
  });
  return [
    ...twice.map(([id, count]) => `request ${id}: ${count} usage records instead of one`),
    ...unknown.map(({ requestId }) => `${requestId} was called, and nothing is recorded of it`),
  ].map((what) => ({ invariant: "I3", what }));
}

/** What a router may do (its retry budget): a fifth of the attempts, and a few in each window. */
const retryShare = 0.2;
const freeRetries = 3;
const windowSeconds = 10;

/** I5: retries on a deployment stay within the budgets of so many routers and workers. */
export function checkRetries(records: readonly UsageRecord[], holders: number): Broken[] {
  const byDeployment = new Map<string, { retries: number; others: number }>();
  for (const { event } of records) {
    for (const { deployment, kind } of event?.attempts ?? []) {
      const sum = byDeployment.get(deployment) ?? { retries: 0, others: 0 };
      byDeployment.set(deployment, sum);
      if (kind === AttemptKind.RETRY) sum.retries += 1;
      else sum.others += 1;
    }
  }
  const seconds = records.map(({ event }) => Number(event?.startTime?.seconds ?? 0));
  const lasting = seconds.length === 0 ? 0 : Math.max(...seconds) - Math.min(...seconds);
  const free = freeRetries * holders * (Math.ceil(lasting / windowSeconds) + 1);
  return [...byDeployment]
    .filter(([, { retries, others }]) => retries > others * retryShare + free)
    .map(([deployment, { retries, others }]) => ({
      invariant: "I5",
      what: `${deployment} was retried ${retries} times beside ${others} other attempts`,
    }));
}
