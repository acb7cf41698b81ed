import type { Kysely, Transaction } from "kysely";

import type { TelemetryTables } from "./schema.ts";

/** The pool into schema `telemetry`. */
export type RecordsDatabase = Kysely<TelemetryTables>;

/** A transaction on it: inside one, everything goes through it and nothing through the pool. */
export type RecordsTransaction = Transaction<TelemetryTables>;
