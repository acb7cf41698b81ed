import { durationMs } from "@bufbuild/protobuf/wkt";
import type { TargetWindow } from "@penstock/api";

/**
 * Windows of one target as its workers see them. Counts are sums; of times and speeds, which can't be
 * added, those of the worst worker.
 */
export function mergeWindows(seen: readonly (readonly TargetWindow[])[]): TargetWindow[] {
  const [longest = []] = seen.toSorted((one, other) => other.length - one.length);
  return longest.map((window, at) => {
    const same = seen.flatMap((windows) => windows[at] ?? []);
    const merged: TargetWindow = { ...window };
    merged.attempts = same.reduce((total, { attempts }) => total + attempts, 0n);
    merged.failures = same.reduce((total, { failures }) => total + failures, 0n);
    for (const name of ["firstTokenP50", "firstTokenP95"] as const) {
      const times = same.flatMap((one) => one[name] ?? []);
      const worst = times.toSorted((a, b) => durationMs(b) - durationMs(a))[0];
      if (worst !== undefined) merged[name] = worst;
    }
    for (const name of ["tokensPerSecondP50", "tokensPerSecondP95"] as const) {
      const speeds = same.flatMap((one) => one[name] ?? []);
      if (speeds.length > 0) merged[name] = Math.min(...speeds);
    }
    return merged;
  });
}
