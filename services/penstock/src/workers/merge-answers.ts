import { create } from "@bufbuild/protobuf";
import { durationMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { ListTargetHealthResponseSchema, ListUnmappedFailuresResponseSchema } from "@penstock/api";
import type {
  GetSnapshotInfoResponse,
  ListTargetHealthResponse,
  ListUnmappedFailuresResponse,
  MissingCredential,
  TargetHealth,
  UnmappedFailure,
} from "@penstock/api";
import { mergeWindows } from "./merge-windows.ts";

/** Of several workers that one whose configuration is oldest: the router has what all have. */
export function oldestSnapshot(
  infos: readonly GetSnapshotInfoResponse[],
): GetSnapshotInfoResponse | undefined {
  return infos.reduce<GetSnapshotInfoResponse | undefined>((oldest, one) => {
    if (oldest === undefined) return one;
    return place(one) < place(oldest) ? one : oldest;
  }, undefined);
}

/** Epoch first: a higher one is newer whatever its revision. */
function place({ status }: GetSnapshotInfoResponse): bigint {
  return ((status?.configEpoch ?? 0n) << 64n) + (status?.appliedRevision ?? 0n);
}

/**
 * Targets as all workers see them together. Each has its own breakers: a target that only some have
 * put aside is shown as such, with how many; counts are sums, times and failures those of the worst.
 */
export function mergeTargetHealth(
  answers: readonly ListTargetHealthResponse[],
): ListTargetHealthResponse {
  const byDeployment = new Map<string, TargetHealth[]>();
  for (const target of answers.flatMap(({ targets }) => targets)) {
    const known = byDeployment.get(target.deployment);
    if (known === undefined) byDeployment.set(target.deployment, [target]);
    else known.push(target);
  }
  const names = [...byDeployment.keys()].toSorted();
  const targets = names.map((name) => merge(byDeployment.get(name) ?? [], answers.length));
  const missing = new Map(
    answers
      .flatMap(({ missingCredentials }) => missingCredentials)
      .map((one) => [one.provider, one]),
  );
  const missingCredentials = [...missing.values()].toSorted(byProvider);
  return create(ListTargetHealthResponseSchema, { targets, missingCredentials });
}

function byProvider(one: MissingCredential, other: MissingCredential): number {
  return one.provider < other.provider ? -1 : 1;
}

/** Errors that no table knows, each kind once: counts are sums, the newest words are shown. */
export function mergeUnmappedFailures(
  answers: readonly ListUnmappedFailuresResponse[],
): ListUnmappedFailuresResponse {
  const byKind = new Map<string, UnmappedFailure>();
  const all = answers.flatMap(({ failures }) => failures);
  for (const one of all.toSorted((a, b) => lastMs(b) - lastMs(a))) {
    const { providerKind, httpStatus, providerCode, providerType } = one;
    const key = `${providerKind} ${httpStatus} ${providerCode} ${providerType}`;
    const newer = byKind.get(key);
    byKind.set(key, newer === undefined ? one : withEarlier(newer, one));
  }
  return create(ListUnmappedFailuresResponseSchema, { failures: [...byKind.values()] });
}

function withEarlier(newer: UnmappedFailure, older: UnmappedFailure): UnmappedFailure {
  const isFirst = firstMs(older) < firstMs(newer);
  const { firstTime } = isFirst ? older : newer;
  const count = newer.count + older.count;
  return { ...newer, count, ...(firstTime === undefined ? {} : { firstTime }) };
}

function firstMs({ firstTime }: UnmappedFailure): number {
  return firstTime === undefined ? 0 : timestampMs(firstTime);
}

function lastMs({ lastTime }: UnmappedFailure): number {
  return lastTime === undefined ? 0 : timestampMs(lastTime);
}

function merge(seen: readonly TargetHealth[], workers: number): TargetHealth {
  const ejected = seen.filter((one) => one.ejected);
  const worst = ejected.toSorted((one, other) => untilMs(other) - untilMs(one))[0] ?? seen[0];
  if (worst === undefined) throw new TypeError("a deployment is seen by somebody");
  const slowest = seen
    .filter((one) => one.firstTokenDelay !== undefined)
    .toSorted((one, other) => delayMs(other) - delayMs(one))[0];
  const some = ejected.length > 0 && ejected.length < workers;
  return {
    ...worst,
    reason: some ? `${worst.reason} (in ${ejected.length} of ${workers} workers)` : worst.reason,
    inFlight: sum(seen.map(({ inFlight }) => inFlight)),
    concurrencyLimit: sum(seen.map(({ concurrencyLimit }) => concurrencyLimit)),
    consecutiveFailures: Math.max(...seen.map(({ consecutiveFailures }) => consecutiveFailures)),
    windows: mergeWindows(seen.map(({ windows }) => windows)),
    ...(slowest === undefined ? {} : { firstTokenDelay: slowest.firstTokenDelay }),
  } as TargetHealth;
}

function untilMs({ untilTime }: TargetHealth): number {
  return untilTime === undefined ? 0 : timestampMs(untilTime);
}

function delayMs({ firstTokenDelay }: TargetHealth): number {
  return firstTokenDelay === undefined ? 0 : durationMs(firstTokenDelay);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
