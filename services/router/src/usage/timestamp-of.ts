import type { Timestamp } from "@bufbuild/protobuf/wkt";

/** A wall time in milliseconds as a message: what `timestampFromMs` gives, without its checks. */
export function timestampOf(wallMs: number): Timestamp {
  const seconds = Math.floor(wallMs / 1_000);
  return {
    $typeName: "google.protobuf.Timestamp",
    seconds: BigInt(seconds),
    nanos: Math.trunc((wallMs - seconds * 1_000) * 1_000_000),
  };
}
