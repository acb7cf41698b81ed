/** Lanes that found no server, as lines to print, and how many of them were demanded. */
export interface NotRun {
  readonly lines: readonly string[];
  readonly failed: number;
}

const namesOfServer: Readonly<Record<string, RegExp>> = {
  nats: /nats/i,
  postgres: /postgres/i,
};

/**
 * Reads what lanes left in the file named by PENSTOCK_TEST_NOT_RUN_FILE (one line each, repeated
 * lines count once) against the comma-separated servers of PENSTOCK_TEST_REQUIRE.
 */
export function readNotRun(text: string, required: string): NotRun {
  const prefix = "not run: ";
  const reasons = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line) => (line.startsWith(prefix) ? line.slice(prefix.length) : line));
  const lines = [...new Set(reasons)].toSorted();
  const demanded = required
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const failed = lines.filter((line) =>
    demanded.some((name) =>
      (namesOfServer[name] ?? new RegExp(RegExp.escape(name), "i")).test(line),
    ),
  );
  return { lines: lines.map((line) => prefix + line), failed: failed.length };
}
