import { cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { silentLogger } from "./silent-logger.ts";
import { openDatabaseServer } from "./open-database.ts";

// Versions of what makes the template; another one makes another folder.
const template = join(tmpdir(), `penstock-pglite-folder-0.5.14-${process.getuid?.() ?? 0}`);

/**
 * Puts an empty database into a data folder that has none, for tests of what comes after the first
 * seconds of a first start: creating one takes three seconds of work, copying it a tenth.
 */
export async function prepareDatabaseFolder(dataDir: string): Promise<void> {
  const folder = join(dataDir, "database");
  if (existsSync(folder)) return;
  if (!existsSync(template)) await makeTemplate();
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  cpSync(join(template, "database"), folder, { recursive: true });
  writeFileSync(`${folder}.complete`, "");
}

/** Several processes may make one at the same time: the first to be done is kept. */
async function makeTemplate(): Promise<void> {
  const own = `${template}.${process.pid}`;
  const server = await openDatabaseServer({ dataDir: own, logger: silentLogger });
  await server.close();
  try {
    renameSync(own, template);
  } catch (error) {
    if (!existsSync(template)) throw error;
    rmSync(own, { recursive: true, force: true });
  }
}
