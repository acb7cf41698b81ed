import {
  checkDatabaseUrl,
  explainUnreachable,
  isLasting,
  openDatabaseServer,
} from "@penstock/database";
import type { DatabaseServer } from "@penstock/database";
import { GatewayError } from "@penstock/errors";
import { silentObservability } from "@penstock/observability";
import { readEnvironment, sleep, systemClock } from "@penstock/runtime";
import { explainMigrationFailure, migrateDatabase } from "../migrate-database.ts";
import type { MigratedSchema } from "../migrate-database.ts";
import { exitCodes } from "../output/command-error.ts";
import { renderTable } from "../output/render-table.ts";
import { startVariables } from "../start-variables.ts";
import type { CommandIo } from "./command-io.ts";
import { tellError } from "./tell-error.ts";

/** Flags of `migrate`. */
export interface MigrateFlags {
  readonly databaseUrl?: string;
  readonly wait: string;
  readonly output: string;
}

const pauseMs = 500;

/** Migrates the database; resolves to the exit code. */
export async function runMigrate(io: CommandIo, flags: MigrateFlags): Promise<number> {
  let url: string;
  let waitMs: number;
  try {
    ({ url, waitMs } = readSettings(io, flags));
  } catch (thrown) {
    return tellError(io, thrown, { exitCode: exitCodes.usage });
  }
  const { logger } = silentObservability();
  let server: DatabaseServer | undefined;
  try {
    server = await openDatabaseServer({ url, dataDir: "", logger });
    const migrated = await migrateWithin(server, waitMs, io);
    io.out(render(migrated, flags.output));
    return exitCodes.done;
  } catch (thrown) {
    return tellError(io, explainMigrationFailure(thrown), { exitCode: exitCodes.failed });
  } finally {
    await server?.close();
  }
}

function readSettings(io: CommandIo, flags: MigrateFlags) {
  const surroundings = io.environment === undefined ? {} : { environment: io.environment };
  const { databaseUrl } = readEnvironment(
    { databaseUrl: startVariables.databaseUrl },
    surroundings,
  );
  const { wait = 0 } = readEnvironment(
    { wait: { name: "--wait", kind: "duration", max: 3_600_000 } },
    { environment: { "--wait": flags.wait } },
  );
  const url = flags.databaseUrl ?? databaseUrl;
  if (url !== undefined) {
    checkDatabaseUrl(url);
    return { url, waitMs: wait };
  }
  const message =
    "PENSTOCK_DATABASE_URL is not set (nor --database-url): only PostgreSQL is migrated by " +
    "hand, the database in a data folder by `penstock start`.";
  throw new GatewayError("FIELD_INVALID", message, { source: "gateway" });
}

/** A database that starts beside us may take a while to answer. */
async function migrateWithin(
  server: DatabaseServer,
  waitMs: number,
  io: CommandIo,
): Promise<MigratedSchema[]> {
  const endMs = systemClock.monotonicMs() + waitMs;
  let told = false;
  for (;;) {
    try {
      return await migrateDatabase(server);
    } catch (thrown) {
      if (isLasting(thrown) || systemClock.monotonicMs() >= endMs) throw thrown;
      const { cause } = explainUnreachable(thrown);
      // A program waits for one object alone.
      if (!told && io.errorsAsJson !== true) {
        io.talk(`penstock: the database does not answer yet (${cause})\n`);
      }
      told = true;
    }
    await sleep(systemClock, pauseMs);
  }
}

function render(migrated: readonly MigratedSchema[], format: string): string {
  if (format === "json") return `${JSON.stringify(migrated, undefined, 2)}\n`;
  const columns = ["SCHEMA", "APPLIED"].map((heading) => ({ heading }));
  const rows = migrated.map(({ schema, applied }) => [
    schema,
    applied.length === 0 ? "nothing: up to date" : applied.join(", "),
  ]);
  return renderTable(columns, rows);
}
