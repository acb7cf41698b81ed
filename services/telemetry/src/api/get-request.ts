import { durationMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { GetRequestRequest, UsageService } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import type { Clock } from "@penstock/runtime";

import type { Arrivals } from "../consumers/arrivals.ts";
import { findRecord } from "../storage/record-store.ts";
import type { StoredUsage } from "../storage/record-store.ts";
import type { RecordsDatabase } from "../storage/records-database.ts";
import { verdictOf } from "../verdict/verdict.ts";
import { fieldInvalid } from "./read-filter.ts";
import { toRecord } from "./to-record.ts";

const defaultWaitMs = 2_000;
const longestWaitMs = 10_000;
/** Another replica of the service may store the record; its news do not come by themselves. */
const pollIntervalMs = 250;
const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What reading a request needs. */
export interface GetRequestDependencies {
  readonly db: RecordsDatabase;
  readonly clock: Clock;
  readonly arrivals: Arrivals;
}

/** Handles `GetRequest`: readable the moment a request ends, since it waits for the record. */
export function getRequest(
  dependencies: GetRequestDependencies,
): ServiceImpl<typeof UsageService>["getRequest"] {
  return async (request, context) => {
    const { requestId } = request;
    if (!uuidForm.test(requestId)) {
      throw fieldInvalid("request_id", "must be a UUID, as in the header x-request-id");
    }
    const waitMs = readWait(request);
    const stored = await awaitRecord(dependencies, requestId, waitMs, context.signal);
    if (stored === undefined) throw notFound(requestId, waitMs);
    const record = toRecord(stored);
    if (record.event === undefined) throw new Error("a record came without its event");
    return { record, verdict: verdictOf(record.event) };
  };
}

function readWait({ wait }: GetRequestRequest): number {
  const waitMs = wait === undefined ? defaultWaitMs : durationMs(wait);
  if (waitMs < 0) throw fieldInvalid("wait", "must not be negative");
  return Math.min(waitMs, longestWaitMs);
}

function notFound(requestId: string, waitMs: number): GatewayError {
  const message =
    `There is no record of request ${requestId}, also not after ${waitMs / 1000} s: the request ` +
    "may still run, its router may be unable to reach the bus, or the record is older than the " +
    "retention. Check the id: it is in the header x-request-id of the answer.";
  return new GatewayError("RESOURCE_NOT_FOUND", message, {
    resource: { type: "requests", name: requestId },
  });
}

async function awaitRecord(
  { db, clock, arrivals }: GetRequestDependencies,
  requestId: string,
  waitMs: number,
  signal: AbortSignal,
): Promise<StoredUsage | undefined> {
  const endsAt = clock.monotonicMs() + waitMs;
  for (;;) {
    let wake = (): void => undefined;
    const woken = new Promise<void>((resolve) => (wake = resolve));
    // Before the look: what is stored between the look and the wait must not be missed.
    const forget = arrivals.expect(requestId, wake);
    signal.addEventListener("abort", wake, { once: true });
    try {
      const found = await findRecord(db, requestId);
      const leftMs = endsAt - clock.monotonicMs();
      if (found !== undefined || leftMs <= 0) return found;
      signal.throwIfAborted();
      const timer = clock.schedule(Math.min(leftMs, pollIntervalMs), wake);
      await woken;
      timer.cancel();
    } finally {
      forget();
      signal.removeEventListener("abort", wake);
    }
  }
}
