import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { durationMs, timestampDate } from "@bufbuild/protobuf/wkt";

/** `2026-01-31 12:00:00Z`; empty when absent. */
export function formatTime(time: Timestamp | undefined): string {
  if (time === undefined) return "";
  return timestampDate(time)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, "Z");
}

/** `350 ms` or `2.35 s`; empty when absent. */
export function formatDuration(duration: Duration | undefined): string {
  if (duration === undefined) return "";
  const wholeMs = Math.round(durationMs(duration));
  return wholeMs < 1_000 ? `${wholeMs} ms` : `${(wholeMs / 1_000).toFixed(2)} s`;
}
