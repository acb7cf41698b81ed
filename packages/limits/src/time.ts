declare const wallBrand: unique symbol;
declare const monotonicBrand: unique symbol;

/**
 * Milliseconds since 1970-01-01T00:00:00Z by the wall clock. Periods, price times and anything a
 * person reads use it; it may jump, so no duration is ever measured with it.
 */
export type WallMs = number & { readonly [wallBrand]: true };

/**
 * Milliseconds on a clock that never goes back and has no meaning outside its process. Lease
 * expiry, timeouts and every other duration use it.
 */
export type MonotonicMs = number & { readonly [monotonicBrand]: true };

/** Marks `milliseconds` as wall time (since the Unix epoch). The value is not changed. */
export function wallMs(milliseconds: number): WallMs {
  return milliseconds as WallMs;
}

/** Marks `milliseconds` as time of a monotonic clock. The value is not changed. */
export function monotonicMs(milliseconds: number): MonotonicMs {
  return milliseconds as MonotonicMs;
}
