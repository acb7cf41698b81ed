import { hash } from "node:crypto";
import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from "kysely";
import type { Dialect } from "kysely";
import { describe, expect, it } from "vitest";
import type { MigrateOptions } from "../migrate.ts";

/**
 * Holds the migrations of a service against their digests, by name. What was once run somewhere
 * must never change: another database would not get the change, and nobody would notice. A digest
 * is of the SQL that a migration sends, so that functions it calls are frozen with it, and moving
 * its file is not a change.
 */
export function describeFrozenMigrations(
  { schema, migrations }: MigrateOptions,
  digests: Readonly<Record<string, string>>,
): void {
  describe(`migrations of schema ${schema}`, () => {
    it("are what they were when they were first run; write a new one instead", async () => {
      const found: Record<string, string> = {};
      for (const [name, { up }] of Object.entries(migrations)) {
        found[name] = hash("sha256", (await statementsOf(up)).join(";\n")).slice(0, 16);
      }
      expect(found).toEqual(digests);
    });
  });
}

async function statementsOf(up: (db: Kysely<unknown>) => Promise<void>): Promise<string[]> {
  const statements: string[] = [];
  const db = new Kysely<unknown>({
    dialect: nowhere,
    log: ({ query }) => {
      statements.push(`${query.sql} ${JSON.stringify(query.parameters, bigintsAsText)}`);
    },
  });
  await up(db);
  await db.destroy();
  return statements;
}

/** Compiles as for PostgreSQL, and sends nothing. */
const nowhere: Dialect = {
  createAdapter: () => new PostgresAdapter(),
  createDriver: () => new DummyDriver(),
  createIntrospector: (db) => new PostgresIntrospector(db),
  createQueryCompiler: () => new PostgresQueryCompiler(),
};

function bigintsAsText(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
