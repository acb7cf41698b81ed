import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeLossTable } from "@penstock/formats/testing";
import { root } from "../commands/workspace.ts";

const file = join("packages", "formats", "LOSSES.md");

/** Writes what requests keep between formats; gives the file's path. */
export function generateLossTable(): string {
  writeFileSync(join(root, file), writeLossTable());
  return file;
}

/** A line when the file is not what the code does; empty when it is. */
export function compareLossTable(): string[] {
  const same = readFileSync(join(root, file), "utf8") === writeLossTable();
  return same ? [] : [`${file} differs from what the formats do`];
}
