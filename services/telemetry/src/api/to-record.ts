import { create, fromBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { UsageEventSchema, UsageRecordSchema } from "@penstock/api";
import type { RatingState, UsageRecord } from "@penstock/api";

import type { StoredUsage } from "../storage/record-store.ts";

/** A stored event as a message. */
export function toRecord(stored: StoredUsage): UsageRecord {
  const { ratedCostNanoUsd } = stored;
  return create(UsageRecordSchema, {
    event: fromBinary(UsageEventSchema, stored.payload),
    storeTime: timestampFromMs(stored.storeMs),
    rating: stored.rating as RatingState,
    ...(ratedCostNanoUsd === undefined ? {} : { ratedCostNanoUsd }),
  });
}
