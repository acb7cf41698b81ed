import type { TestProject } from "vitest/node";
import { startPostgres } from "./postgres.ts";
import type { PostgresServer } from "./postgres.ts";
import { createTemplateDatabase } from "./test-databases.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** URL of a server with a template database; absent where a project has no shared server. */
    readonly postgresUrl?: string;
  }
}

/** Nothing of it outlives the run, so that nothing needs to reach a disk. */
const settings = { fsync: "off", max_connections: "400" };
let postgres: PostgresServer | undefined;

/** vitest calls it once, before the first test of the project. */
export async function setup(project: TestProject): Promise<void> {
  postgres = await startPostgres({ settings });
  await createTemplateDatabase(postgres.url);
  project.provide("postgresUrl", postgres.url);
}

/** vitest calls it after the last test. */
export async function teardown(): Promise<void> {
  await postgres?.stop();
}
