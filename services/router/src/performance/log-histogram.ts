/** Steps of a histogram whose bounds grow by `ratio`; a value is known to 18 of 100 at the worst. */
export const stepCount = 40;
const ratio = 1.4;
const logRatio = Math.log(ratio);

/** The step of a value; `lowest` is the upper bound of the first. */
export function stepOf(value: number, lowest: number): number {
  if (!(value > lowest)) return 0;
  return Math.min(stepCount - 1, Math.ceil(Math.log(value / lowest) / logRatio));
}

/** The value below which the share lies, from 0 to 1; undefined: nothing was counted. */
export function quantile(
  counts: ArrayLike<number>,
  share: number,
  lowest: number,
): number | undefined {
  let total = 0;
  for (let step = 0; step < stepCount; step += 1) total += counts[step] ?? 0;
  if (total === 0) return undefined;
  let left = share * total;
  for (let step = 0; step < stepCount; step += 1) {
    const count = counts[step] ?? 0;
    left -= count;
    if (count > 0 && left <= 0) return step === 0 ? lowest : lowest * ratio ** (step - 0.5);
  }
  return lowest * ratio ** (stepCount - 1);
}
