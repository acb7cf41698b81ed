import { createOutboxTable } from "@penstock/database";
import { sql } from "kysely";
import type { Kysely, SchemaModule } from "kysely";
import { schemaName } from "../schema.ts";

// Names sort and compare by bytes in every database, so that pages and prefixes agree everywhere.
const byBytes = sql`text collate "C"`;

/** The tables of the first version. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const { schema } = db.withSchema(schemaName);
  await createConfiguration(schema);
  await createHistory(schema);
  await schema
    .createTable("admin_token")
    .addColumn("name", "text", (column) => column.primaryKey())
    .addColumn("sha256", "bytea", (column) => column.notNull().unique())
    .addColumn("role", "text", (column) => column.notNull())
    .addColumn("create_time", "timestamptz", (column) => column.notNull())
    .execute();
  await createOutboxTable(db, schemaName);
}

async function createConfiguration(schema: SchemaModule): Promise<void> {
  await schema
    .createTable("resource")
    .addColumn("name", byBytes, (column) => column.primaryKey())
    .addColumn("collection", "text", (column) => column.notNull())
    .addColumn("parent", "text", (column) => column.notNull())
    .addColumn("uid", "text", (column) => column.notNull().unique())
    .addColumn("revision", "bigint", (column) => column.notNull())
    .addColumn("etag", "text", (column) => column.notNull())
    .addColumn("labels", "jsonb", (column) => column.notNull())
    .addColumn("body", "bytea", (column) => column.notNull())
    .addColumn("create_time", "timestamptz", (column) => column.notNull())
    .addColumn("update_time", "timestamptz", (column) => column.notNull())
    .execute();
  await schema
    .createIndex("resource_by_collection")
    .on("resource")
    .columns(["collection", "parent", "name"])
    .execute();
  await schema.createIndex("resource_by_revision").on("resource").column("revision").execute();
  await schema
    .createTable("installation")
    .addColumn("id", "smallint", (column) =>
      column
        .primaryKey()
        .defaultTo(1)
        .check(sql`id = 1`),
    )
    .addColumn("installation_id", "text", (column) => column.notNull())
    .addColumn("epoch", "bigint", (column) => column.notNull())
    .addColumn("revision", "bigint", (column) => column.notNull())
    .addColumn("content_hash", "bytea", (column) => column.notNull())
    .addColumn("entry_count", "bigint", (column) => column.notNull())
    .addColumn("commit_time", "timestamptz", (column) => column.notNull())
    .addColumn("traceparent", "text", (column) => column.notNull())
    .addColumn("page_token_key", "bytea", (column) => column.notNull())
    .execute();
  await schema
    .createTable("tombstone")
    .addColumn("name", byBytes, (column) => column.primaryKey())
    .addColumn("revision", "bigint", (column) => column.notNull())
    .addColumn("delete_time", "timestamptz", (column) => column.notNull())
    .execute();
}

async function createHistory(schema: SchemaModule): Promise<void> {
  await schema
    .createTable("audit_event")
    .addColumn("id", byBytes, (column) => column.primaryKey())
    .addColumn("time", "timestamptz", (column) => column.notNull())
    .addColumn("actor", "text", (column) => column.notNull())
    .addColumn("method", "text", (column) => column.notNull())
    .addColumn("resource", byBytes, (column) => column.notNull())
    .addColumn("revision", "bigint", (column) => column.notNull())
    .addColumn("request_id", "text", (column) => column.notNull())
    .addColumn("before_json", "text", (column) => column.notNull())
    .addColumn("after_json", "text", (column) => column.notNull())
    .addColumn("reason", "text", (column) => column.notNull())
    .execute();
  await schema
    .createIndex("audit_event_by_revision")
    .on("audit_event")
    .columns(["revision", "id"])
    .execute();
  await schema
    .createIndex("audit_event_by_resource")
    .on("audit_event")
    .columns(["resource", "revision", "id"])
    .execute();
  await schema
    .createTable("handled_request")
    .addColumn("actor", "text", (column) => column.notNull())
    .addColumn("request_id", "text", (column) => column.notNull())
    .addColumn("fingerprint", "bytea", (column) => column.notNull())
    .addColumn("response", "bytea", (column) => column.notNull())
    .addColumn("create_time", "timestamptz", (column) => column.notNull())
    .addPrimaryKeyConstraint("handled_request_key", ["actor", "request_id"])
    .execute();
}
