/**
 * Lanes that found no server, and tests of one shape only, as lines to print, and how many of the
 * lanes were demanded.
 */
export interface NotRun {
  readonly lines: readonly string[];
  readonly failed: number;
}

const oneShape = "only embedded: ";

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
  const all = [...new Set(reasons)].toSorted();
  // Said by tests that make sense in one shape only; no server is missing there.
  const ofOneShape = all.filter((line) => line.startsWith(oneShape));
  const lines = all.filter((line) => !line.startsWith(oneShape));
  const demanded = required
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const failed = lines.filter((line) =>
    demanded.some((name) =>
      (namesOfServer[name] ?? new RegExp(RegExp.escape(name), "i")).test(line),
    ),
  );
  return { lines: [...lines.map((line) => prefix + line), ...ofOneShape], failed: failed.length };
}
