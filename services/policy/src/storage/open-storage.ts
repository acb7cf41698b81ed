import { randomBytes } from "node:crypto";
import type { DatabaseServer } from "@penstock/database";
import type { Clock } from "@penstock/runtime";
import { newUuidV7 } from "@penstock/runtime";
import type { Kysely, Transaction } from "kysely";
import { schemaName } from "./schema.ts";
import type { PolicyTables } from "./schema.ts";

/** The service's database. */
export type PolicyDatabase = Kysely<PolicyTables>;
/** A transaction in it. */
export type PolicyTransaction = Transaction<PolicyTables>;

/** What never changes during the life of a process. */
export interface InstallationIdentity {
  readonly installationId: string;
  readonly pageTokenKey: Uint8Array;
}

/** Connects; nothing is contacted yet. */
export function connectStorage(server: DatabaseServer): PolicyDatabase {
  return server.connect<PolicyTables>(schemaName);
}

/** Makes the installation at the very first start; the schema must be up to date. */
export async function settleInstallation(
  db: PolicyDatabase,
  clock: Clock,
): Promise<InstallationIdentity> {
  await db
    .insertInto("installation")
    .values({
      id: 1,
      installation_id: newUuidV7(clock),
      epoch: 1n,
      revision: 0n,
      content_hash: Buffer.alloc(32),
      entry_count: 0n,
      commit_time: new Date(clock.wallMs()),
      traceparent: "",
      page_token_key: randomBytes(32),
    })
    .onConflict((conflict) => conflict.column("id").doNothing())
    .execute();
  const row = await db
    .selectFrom("installation")
    .select(["installation_id", "page_token_key"])
    .executeTakeFirstOrThrow();
  return { installationId: row.installation_id, pageTokenKey: row.page_token_key };
}
