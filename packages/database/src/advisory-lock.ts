import { sleep, systemClock } from "@penstock/runtime";
import type { Clock, Timer } from "@penstock/runtime";
import { sql } from "kysely";
import type { Kysely } from "kysely";
import type { Client } from "pg";
import { engineOf } from "./engine.ts";
import type { Engine } from "./engine.ts";
import { lockKey } from "./lock-key.ts";
import { toStorageError } from "./storage-error.ts";

/** How often a holder makes sure that its session lives. */
const heartbeatMs = 3_000;
const answerTimeoutMs = 3_000;
/** The server ends a session, and with it the lock, whose holder says nothing for so long. */
const silentSessionMs = 15_000;

/** A lock held by this process until released, or until its session to the server breaks. */
export interface AdvisoryLock {
  /** Aborts when the lock was lost: whoever relied on it must stop. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/** How long to wait for a lock. */
export interface WithLockOptions {
  readonly signal?: AbortSignal;
  /** Pause between two tries; default 1 s. */
  readonly retryMs?: number;
  readonly clock?: Clock;
}

/**
 * Takes the lock called `name` if it is free. It lives in a session of its own, so that it costs
 * no pool a connection; with PGlite, whose folder belongs to one process, in this process.
 */
export async function tryAdvisoryLock<Tables>(
  db: Kysely<Tables>,
  name: string,
): Promise<AdvisoryLock | undefined> {
  const engine = engineOf(db);
  if (engine.heldLocks.has(name)) return undefined;
  engine.heldLocks.add(name);
  try {
    const lock = await lockByEngine(db, engine, name);
    if (lock === undefined) {
      engine.heldLocks.delete(name);
      return undefined;
    }
    const release = async (): Promise<void> => {
      await lock.release();
      engine.heldLocks.delete(name);
    };
    let releasing: Promise<void> | undefined;
    lock.lost.addEventListener("abort", () => engine.heldLocks.delete(name), { once: true });
    return { lost: lock.lost, release: () => (releasing ??= release()) };
  } catch (error) {
    engine.heldLocks.delete(name);
    throw error;
  }
}

/** Waits for the lock, runs `run` under it and releases it; `lost` aborts when it is lost. */
export async function withAdvisoryLock<Tables, Result>(
  db: Kysely<Tables>,
  name: string,
  run: (lost: AbortSignal) => Promise<Result>,
  options: WithLockOptions = {},
): Promise<Result> {
  for (;;) {
    options.signal?.throwIfAborted();
    const lock = await tryAdvisoryLock(db, name);
    if (lock !== undefined) {
      try {
        return await run(lock.lost);
      } finally {
        await lock.release();
      }
    }
    await sleep(options.clock ?? systemClock, options.retryMs ?? 1_000, options.signal);
  }
}

async function lockByEngine<Tables>(
  db: Kysely<Tables>,
  engine: Engine,
  name: string,
): Promise<AdvisoryLock | undefined> {
  if (engine.kind === "pglite") return lockInProcess();
  // Who only waits for another to stop looks every second: not with a session each time.
  if (await isHeld(db, name)) return undefined;
  return await lockInSession(engine, name);
}

async function isHeld<Tables>(db: Kysely<Tables>, name: string): Promise<boolean> {
  const { rows } = await sql<{ held: boolean }>`
    select exists (
      select 1 from pg_catalog.pg_locks l
      join pg_catalog.pg_database d on d.oid = l.database and d.datname = current_database()
      where l.locktype = 'advisory' and l.granted and l.objsubid = 1
        and (l.classid::bigint << 32 | l.objid::bigint) = ${lockKey(name)}::bigint
    ) as held`.execute(db);
  return rows[0]?.held === true;
}

function lockInProcess(): AdvisoryLock {
  return { lost: new AbortController().signal, release: () => Promise.resolve() };
}

async function lockInSession(engine: Engine, name: string): Promise<AdvisoryLock | undefined> {
  const session = await engine.openSession();
  const lost = new AbortController();
  const lose = (): void => lost.abort(new Error(`the session holding lock ${name} broke`));
  session.on("error", lose);
  session.on("end", lose);
  let watching: Timer | undefined;
  const close = async (): Promise<void> => {
    watching?.cancel();
    session.off("end", lose);
    const ending = session.end().catch(() => {});
    await Promise.race([ending, sleep(systemClock, answerTimeoutMs)]);
  };
  const ask = <Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> =>
    askInTime<Row>(session, text, values);
  // Nobody holds a lock for longer than its session lives: on both sides silence ends it.
  const watch = (): void => {
    watching = systemClock.schedule(heartbeatMs, () => {
      ask("select 1").then(watch, lose);
    });
  };
  try {
    await ask(`set idle_session_timeout = ${silentSessionMs}`);
    const text = "select pg_try_advisory_lock($1) as taken";
    const [row] = await ask<{ taken: boolean }>(text, [lockKey(name)]);
    if (row?.taken === true) {
      watch();
      return { lost: lost.signal, release: close };
    }
  } catch (error) {
    await close();
    throw toStorageError(error);
  }
  await close();
  return undefined;
}

/** Cuts the session when no answer comes, by which the query fails. */
async function askInTime<Row extends object>(
  session: Client,
  text: string,
  values: unknown[],
): Promise<Row[]> {
  const cut = systemClock.schedule(answerTimeoutMs, () => void session.end());
  try {
    return (await session.query<Row>(text, values)).rows;
  } finally {
    cut.cancel();
  }
}
