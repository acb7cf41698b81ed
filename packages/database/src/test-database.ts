import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Logger } from "@penstock/observability";
import { openPglite } from "./open-database.ts";
import type { DatabaseServer } from "./open-database.ts";

const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};

// Versions of what makes the template; another one makes another file.
const templateName = `penstock-pglite-0.5.14-${process.getuid?.() ?? 0}.tar`;

/**
 * A fresh, empty PGlite in memory for a test: half a second, because it is a copy of a template
 * that the first test of a machine creates in the folder for temporary files.
 */
export async function openTestDatabase(logger: Logger = silentLogger): Promise<DatabaseServer> {
  const templateFile = join(tmpdir(), templateName);
  return await openPglite({ kind: "copy", templateFile }, undefined, logger);
}
