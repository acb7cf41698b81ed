import type { Timestamp } from "@bufbuild/protobuf/wkt";

let latest = { seconds: 0, whole: 0n };

/** A wall time in milliseconds as a message: what `timestampFromMs` gives, without its checks. */
export function timestampOf(wallMs: number): Timestamp {
  const seconds = Math.floor(wallMs / 1_000);
  // Most times are of this second, and a bigint that is made takes longer than all the rest.
  if (seconds !== latest.seconds) latest = { seconds, whole: BigInt(seconds) };
  return {
    $typeName: "google.protobuf.Timestamp",
    seconds: latest.whole,
    nanos: Math.trunc((wallMs - seconds * 1_000) * 1_000_000),
  };
}
