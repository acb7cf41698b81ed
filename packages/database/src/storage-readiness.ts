import { GatewayError } from "@penstock/errors";
import type { Logger } from "@penstock/observability";
import { sleep } from "@penstock/runtime";
import type { Clock, HealthRegistry } from "@penstock/runtime";
import { sql } from "kysely";
import type { Kysely } from "kysely";
import { engineOf } from "./engine.ts";
import { migrate } from "./migrate.ts";
import type { MigrateOptions } from "./migrate.ts";
import { schemaState } from "./schema-state.ts";
import { toStorageError } from "./storage-error.ts";
import { explainUnreachable } from "./unreachable.ts";

/** How a service comes to its tables. */
export interface StorageStart {
  /** True: it migrates them itself. False: it waits until somebody else has. */
  readonly migrate: boolean;
  /**
   * True: it waits for whatever people can mend meanwhile, a wrong password too. False: it waits
   * for a server that does not answer, and what does not pass by itself ends the start.
   */
  readonly patient: boolean;
}

/** What the readiness of a service's storage is made of. */
export interface StorageReadinessOptions<Tables> extends MigrateOptions {
  readonly db: Kysely<Tables>;
  readonly start: StorageStart;
  /** Its part `database` is kept up to date. */
  readonly health: HealthRegistry;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Runs once the schema is that of this build, and again when it failed. */
  prepare(): Promise<void>;
}

const healthPart = "database";
const firstPauseMs = 200;
const longestPauseMs = 5_000;
/** How often a database in use is asked whether it is still there. */
const lookEveryMs = 5_000;
/** How often its schema is looked at: while this build runs, a newer one may migrate it. */
const lookAtSchemaEveryMs = 60_000;
const lookAgainMs = 500;
/** The same trouble is told again after this long. */
const remindEveryMs = 30_000;

/** Why a service waits: in one line for logs, and without addresses for `/readyz`. */
interface Trouble {
  readonly cause: string;
  readonly detail: string;
  readonly advice: string;
}

/**
 * Waits until the service's schema can be reached and is that of this build, then prepares.
 *
 * @throws the signal's reason; GatewayError FAILED_PRECONDITION for a schema of a newer build or
 * too old a server; and, when not patient, any error that does not pass by itself.
 */
export async function untilStorageReady<Tables>(
  options: StorageReadinessOptions<Tables>,
  signal?: AbortSignal,
): Promise<void> {
  const { clock, health, schema } = options;
  const tell = reminder(options);
  for (let failures = 0; ; failures += 1) {
    signal?.throwIfAborted();
    const trouble = await tryOnce(options);
    if (trouble === undefined) break;
    health.set(healthPart, "not_ready", `schema ${schema}: ${trouble.detail}`);
    tell(trouble);
    const pauseMs = Math.min(firstPauseMs * 2 ** failures, longestPauseMs);
    // Replicas that lost the same server do not come back in step.
    await sleep(clock, pauseMs * (0.5 + Math.random()), signal);
  }
  health.set(healthPart, "ready");
}

/**
 * Keeps the health of a prepared storage true until the signal aborts: a database that is away is
 * not ready, and ready again as soon as it answers; nor is one whose schema a newer build has
 * changed, as this build may write there what the newer one does not expect. The embedded one is
 * not asked: it lives and dies with the process.
 */
export async function superviseStorage<Tables>(
  options: Omit<StorageReadinessOptions<Tables>, "start" | "prepare">,
  signal: AbortSignal,
): Promise<void> {
  const { db, clock, health, logger, schema } = options;
  if (engineOf(db).kind === "pglite") return;
  const tell = reminder(options);
  let away = false;
  let newer: Trouble | undefined;
  let schemaSeenMs = clock.monotonicMs();
  while (!signal.aborted) {
    await sleep(clock, away ? lookAgainMs : lookEveryMs, signal).catch(() => undefined);
    if (signal.aborted) return;
    try {
      await sql`select 1`.execute(db);
      if (away || clock.monotonicMs() - schemaSeenMs >= lookAtSchemaEveryMs) {
        newer = await newerSchema(options);
        schemaSeenMs = clock.monotonicMs();
      }
      if (away) logger.info("the database answers again", { schema });
      away = false;
      if (newer === undefined) health.set(healthPart, "ready");
      else {
        health.set(healthPart, "not_ready", `schema ${schema}: ${newer.detail}`);
        tell(newer);
      }
    } catch (error) {
      away = true;
      const trouble = unreachable(error);
      health.set(healthPart, "not_ready", `schema ${schema}: ${trouble.detail}`);
      tell(trouble);
    }
  }
}

/** What is wrong when migrations have run that this build does not know. */
async function newerSchema<Tables>({
  db,
  schema,
  migrations,
}: Pick<StorageReadinessOptions<Tables>, "db" | "schema" | "migrations">): Promise<
  Trouble | undefined
> {
  const { state, unknown } = await schemaState(db, { schema, migrations });
  if (state !== "ahead") return undefined;
  const detail = `was changed by a newer build (${unknown.join(", ")}); start that build`;
  return { cause: `schema ${schema} ${detail}`, detail, advice: "replace this role by that build" };
}

async function tryOnce<Tables>(
  options: StorageReadinessOptions<Tables>,
): Promise<Trouble | undefined> {
  const { db, schema, migrations, start, prepare } = options;
  try {
    if (start.migrate) await migrate(db, { schema, migrations });
    const { state, missing, unknown } = await schemaState(db, { schema, migrations });
    if (state === "ahead") throw ofNewerBuild(schema, unknown);
    if (state === "behind") {
      const detail = `lacks ${missing.join(", ")}; run: penstock migrate`;
      const advice = "run `penstock migrate` with this build against this database";
      return { cause: `schema ${schema} lacks ${missing.join(", ")}`, detail, advice };
    }
    await prepare();
    return undefined;
  } catch (thrown) {
    const error = toStorageError(thrown);
    const passes = error instanceof GatewayError && error.reason === "UNAVAILABLE";
    if (error instanceof GatewayError && error.reason === "FAILED_PRECONDITION") throw error;
    if (!passes && !start.patient) throw error;
    return unreachable(error);
  }
}

function ofNewerBuild(schema: string, unknown: readonly string[]): GatewayError {
  const message =
    `schema ${schema} was changed by a newer build (${unknown.join(", ")}); ` +
    "start that build, or restore the database from before it";
  return new GatewayError("FAILED_PRECONDITION", message, { source: "gateway" });
}

function unreachable(thrown: unknown): Trouble {
  const { cause, code, advice } = explainUnreachable(thrown);
  return { cause, detail: `can't be used (${code}); tried again`, advice };
}

/** A warning when the trouble is new or was told long ago. */
function reminder(
  options: Pick<StorageReadinessOptions<never>, "clock" | "logger" | "schema">,
): (trouble: Trouble) => void {
  const { clock, logger, schema } = options;
  let told = "";
  let toldAtMs = Number.NEGATIVE_INFINITY;
  return ({ cause, advice }) => {
    const nowMs = clock.monotonicMs();
    if (cause === told && nowMs - toldAtMs < remindEveryMs) return;
    told = cause;
    toldAtMs = nowMs;
    logger.warn("the service waits for its database and keeps trying", { schema, cause, advice });
  };
}
