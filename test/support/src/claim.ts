import { appendFileSync } from "node:fs";
import { readEnvironmentVariable } from "@penstock/runtime";

/** What a test measured for a claim of the README; a line of JSON in the file of figures. */
export interface ClaimFigure {
  /** Id of the claim, as in the README's marker `<!-- claim:ID -->`. */
  readonly claim: string;
  /** The smaller the better; of several figures of one claim the largest counts. */
  readonly figure: number;
  /** Of the figure, such as `ms` or `requests too many or too few`. */
  readonly unit: string;
  /** What was measured in detail, for people. */
  readonly table?: string;
}

/** Whether figures are wanted: `npm run prove` runs the test, and nothing else runs beside it. */
export function isProving(): boolean {
  return readEnvironmentVariable("PENSTOCK_CLAIM_FILE") !== undefined;
}

/**
 * Hands the figure of a claim to `npm run prove`, which names the file in PENSTOCK_CLAIM_FILE;
 * does nothing in an ordinary test run. Throws a RangeError for a figure that is not finite.
 */
export function reportClaim(claim: string, figure: number, unit: string, table?: string): void {
  if (!Number.isFinite(figure)) throw new RangeError(`the figure of ${claim} is ${figure}`);
  const file = readEnvironmentVariable("PENSTOCK_CLAIM_FILE");
  if (file === undefined) return;
  const line: ClaimFigure = { claim, figure, unit, ...(table === undefined ? {} : { table }) };
  appendFileSync(file, `${JSON.stringify(line)}\n`);
}
