import type { Kysely, Transaction } from "kysely";

import type { QuotaTables } from "./schema.ts";

/** The pool into schema `quota`. */
export type LedgerDatabase = Kysely<QuotaTables>;

/** A transaction on it: inside one, everything goes through it and nothing through the pool. */
export type LedgerTransaction = Transaction<QuotaTables>;
