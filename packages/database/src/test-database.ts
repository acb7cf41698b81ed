import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Logger } from "@penstock/observability";
import { sql } from "kysely";
import { overPglite } from "./open-database.ts";
import type { DatabaseServer } from "./open-database.ts";
import { startPglite } from "./pglite.ts";
import type { PgliteServer } from "./pglite.ts";
import { silentLogger } from "./silent-logger.ts";

// Versions of what makes the template; another one makes another file.
const templateName = `penstock-pglite-0.5.14-${process.getuid?.() ?? 0}.tar`;

interface Reusable {
  readonly server: PgliteServer;
  uses: number;
}

/** Emptied, for the next test: starting one takes a second of work, emptying it a twentieth. */
const idle: Reusable[] = [];
const mostIdle = 2;
/** Its log and the traces of dropped tables grow in memory. */
const mostUses = 50;

process.once("exit", () => {
  for (const { server } of idle) rmSync(server.socketFolder, { recursive: true, force: true });
});

/**
 * An empty PGlite in memory for a test: one that an earlier test of this process has closed, or a
 * new one, which takes half a second, because it is a copy of a template that the first test of a
 * machine creates in the folder for temporary files.
 */
export async function openTestDatabase(logger: Logger = silentLogger): Promise<DatabaseServer> {
  const reusable = takeIdle() ?? { server: await startNew(), uses: 0 };
  reusable.uses += 1;
  reusable.server.keepProcess(true);
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= giveBack(reusable));
  return overPglite({ ...reusable.server, close }, logger);
}

function startNew(): Promise<PgliteServer> {
  const templateFile = join(tmpdir(), templateName);
  return startPglite({ kind: "copy", templateFile }, undefined, silentLogger);
}

function takeIdle(): Reusable | undefined {
  for (;;) {
    const reusable = idle.pop();
    if (reusable === undefined || !reusable.server.failed.aborted) return reusable;
  }
}

/** Whatever can't be emptied is not lent again. */
async function giveBack(reusable: Reusable): Promise<void> {
  const { server, uses } = reusable;
  const isWanted = idle.length < mostIdle && uses < mostUses && !server.failed.aborted;
  if (!isWanted || !(await empty(server))) return await server.close();
  server.keepProcess(false);
  idle.push(reusable);
}

/** Ends what its one session holds and drops every schema; false when that fails. */
async function empty(server: PgliteServer): Promise<boolean> {
  const database = overPglite({ ...server, close: () => Promise.resolve() }, silentLogger);
  try {
    const db = database.connect("public");
    await sql`rollback`.execute(db);
    await sql`discard all`.execute(db);
    const { rows } = await sql<{ name: string }>`select nspname as name from pg_namespace
      where nspname !~ '^pg_' and nspname <> 'information_schema'`.execute(db);
    const schemas = sql.join(rows.map(({ name }) => sql.id(name)));
    if (rows.length > 0) await sql`drop schema ${schemas} cascade`.execute(db);
    await sql`create schema public`.execute(db);
    return true;
  } catch {
    return false;
  } finally {
    await database.close();
  }
}
