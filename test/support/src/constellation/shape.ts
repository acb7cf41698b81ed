import { appendFileSync } from "node:fs";
import { basename } from "node:path";
import { readEnvironmentVariable } from "@penstock/runtime";
import { expect } from "vitest";

/** How the roles of a constellation run: in one process, or each in its own on real servers. */
export type Shape = "embedded" | "servers";

/** The shape that the lane of this process runs, from PENSTOCK_TEST_SHAPE. */
export function currentShape(): Shape {
  return readEnvironmentVariable("PENSTOCK_TEST_SHAPE") === "servers" ? "servers" : "embedded";
}

/**
 * True in the lane of the other shape, for `it.skipIf(onlyEmbedded("…"))`: what only makes sense
 * where everything is one process. The end of the run lists each with its reason.
 */
export function onlyEmbedded(reason: string): boolean {
  if (currentShape() === "embedded") return false;
  const file = readEnvironmentVariable("PENSTOCK_TEST_NOT_RUN_FILE");
  const test = basename(expect.getState().testPath ?? "a test");
  if (file !== undefined) appendFileSync(file, `only embedded: ${test}: ${reason}\n`);
  return true;
}
