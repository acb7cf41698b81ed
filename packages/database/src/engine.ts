import type { Kysely } from "kysely";
import type { Client } from "pg";
import type { ConnectOptions } from "./pool-settings.ts";

/** What functions of this package need to know about the server behind a Kysely object. */
export interface Engine {
  readonly kind: "pglite" | "postgres";
  /** Advisory locks held in this process; the only ones there are with PGlite. */
  readonly heldLocks: Set<string>;
  /** A session of its own, outside every pool, for what must live as long as a session. */
  openSession(): Promise<Client>;
  /** Another pool into the same schema, with other settings; to be destroyed by the caller. */
  connect(options: ConnectOptions): Kysely<never>;
}

const engines = new WeakMap<object, Engine>();

/** Remembers the engine of a Kysely object made by `connect`. */
export function setEngine(db: Kysely<never>, engine: Engine): void {
  engines.set(db, engine);
}

/** The engine of a Kysely object; a transaction or a foreign object has none and is refused. */
export function engineOf(db: object): Engine {
  const engine = engines.get(db);
  if (engine === undefined) throw new TypeError("needs a Kysely object made by connect()");
  return engine;
}
