import type { Duration } from "@bufbuild/protobuf/wkt";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { GatewayError } from "@penstock/errors";

/** A duration of a request in milliseconds. Throws FIELD_INVALID when it is out of bounds. */
export function durationIn(
  duration: Duration | undefined,
  field: string,
  { byDefaultMs, maxMs }: { readonly byDefaultMs: number; readonly maxMs: number },
): number {
  if (duration === undefined) return byDefaultMs;
  const milliseconds = durationMs(duration);
  if (milliseconds >= 0 && milliseconds <= maxMs) return milliseconds;
  const description = `must be between 0 s and ${maxMs / 1_000} s`;
  throw new GatewayError("FIELD_INVALID", `The field ${field} ${description}.`, {
    fieldViolations: [{ field, description }],
  });
}
