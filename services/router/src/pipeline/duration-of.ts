import type { Duration } from "@bufbuild/protobuf/wkt";

/** A measured time as a message. Negative times, which only a clock's fault could give, are 0. */
export function durationOf(measuredMs: number): Duration {
  const nanos = Math.max(0, Math.round(measuredMs * 1_000_000));
  const seconds = Math.floor(nanos / 1_000_000_000);
  return {
    $typeName: "google.protobuf.Duration",
    // Of most times: a bigint that is made takes longer than all the rest.
    seconds: seconds === 0 ? 0n : BigInt(seconds),
    nanos: nanos - seconds * 1_000_000_000,
  };
}
