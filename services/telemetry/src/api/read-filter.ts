import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { UsageFilter } from "@penstock/api";
import { GatewayError } from "@penstock/errors";

import type { RecordFilter } from "../storage/record-store.ts";

/** Reads a filter; an absent one lets everything through. Throws FIELD_INVALID for bad times. */
export function readFilter(filter: UsageFilter | undefined): RecordFilter {
  const startMs = filter?.startTime === undefined ? undefined : timestampMs(filter.startTime);
  const endMs = filter?.endTime === undefined ? undefined : timestampMs(filter.endTime);
  if (startMs !== undefined && endMs !== undefined && endMs < startMs) {
    throw fieldInvalid("filter.end_time", "must not be before filter.start_time");
  }
  return {
    startMs: startMs === undefined ? undefined : Math.max(0, Math.ceil(startMs)),
    endMs: endMs === undefined ? undefined : Math.max(0, Math.ceil(endMs)),
    team: filter?.team ?? "",
    project: filter?.project ?? "",
    virtualKey: filter?.virtualKey ?? "",
    model: filter?.model ?? "",
    provider: filter?.provider ?? "",
  };
}

/** The error of one malformed field. */
export function fieldInvalid(field: string, description: string): GatewayError {
  return new GatewayError("FIELD_INVALID", `The field ${field} ${description}.`, {
    fieldViolations: [{ field, description }],
  });
}
