import { create } from "@bufbuild/protobuf";
import { GrantStatus, LeaseGrantSchema, LeaseMode, SyncLeasesResponseSchema } from "@penstock/api";
import type { LeaseGrant, SyncLeasesResponse } from "@penstock/api";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";

import type { Grant, SyncAnswer } from "./sync.ts";

const statuses = {
  granted: GrantStatus.GRANTED,
  exhausted: GrantStatus.EXHAUSTED,
  not_yet: GrantStatus.NOT_YET,
  gone: GrantStatus.GONE,
};

/** The answer as it goes over the wire, and into the memory of answers. */
export function toSyncResponse(answer: SyncAnswer): SyncLeasesResponse {
  return create(SyncLeasesResponseSchema, {
    grants: answer.grants.map(toLeaseGrant),
    revokedLeaseIds: [...answer.revokedLeaseIds],
    serverTime: timestampFromMs(answer.serverMs),
    newestEpoch: answer.newestEpoch,
  });
}

function toLeaseGrant(grant: Grant): LeaseGrant {
  const known = grant.status === "granted" || grant.status === "exhausted";
  return create(LeaseGrantSchema, {
    quota: grant.quota,
    status: statuses[grant.status],
    ...(known ? ruleOf(grant) : {}),
  });
}

function ruleOf(grant: Grant) {
  return {
    leaseId: grant.leaseId,
    amount: grant.amount,
    periodStartTime: timestampFromMs(grant.periodStartMs),
    periodEndTime: timestampFromMs(grant.periodEndMs),
    lifetime: durationFromMs(grant.lifeMs),
    mode: grant.mode === "precise" ? LeaseMode.PRECISE : LeaseMode.BULK,
    limit: grant.limit,
    available: grant.available,
    ...(grant.resetMs === undefined ? {} : { resetTime: timestampFromMs(grant.resetMs) }),
  };
}
