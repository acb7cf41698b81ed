const unitMs: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Reads `30s`, `15m`, `24h` or `7d` into milliseconds; undefined when it is none. */
export function parseDurationMs(text: string): number | undefined {
  const form = /^([0-9]{1,6})([smhd])$/.exec(text);
  const unit = unitMs[form?.[2] ?? ""];
  return unit === undefined ? undefined : Number(form?.[1]) * unit;
}

/** Reads a time, a day in UTC, or a duration before now, into Unix milliseconds. */
export function parseMomentMs(text: string, nowMs: number): number | undefined {
  const before = parseDurationMs(text);
  if (before !== undefined) return nowMs - before;
  if (!/^\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:\d{2}))?$/.test(text)) return undefined;
  const moment = Date.parse(text);
  return Number.isNaN(moment) ? undefined : moment;
}
