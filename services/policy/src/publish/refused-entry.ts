import { fromBinary } from "@bufbuild/protobuf";
import type { ConfigEntry } from "@penstock/api";
import { ConfigEntrySchema } from "@penstock/api";
import { headKey } from "@penstock/bus";
import type { OutboxRow } from "@penstock/database";
import { GatewayError } from "@penstock/errors";
import type { Clock, HealthRegistry, Timer } from "@penstock/runtime";
import type { PolicyEvents } from "../events.ts";
import { openResource } from "../resources/kinds.ts";
import type { PolicyDatabase } from "../storage/open-storage.ts";
import { readResource } from "../storage/resource-store.ts";

/** What it works with. */
export interface RefusedEntryOptions {
  readonly db: PolicyDatabase;
  readonly clock: Clock;
  readonly events: PolicyEvents;
  readonly health: HealthRegistry;
}

/** The part of the readiness that tells of it. Ready all the same: only this service can mend it. */
const healthPart = "publishing";
/** Longer than the longest pause of the relay, so that it stands while this replica tries. */
const toldForMs = 30_000;

/**
 * An entry that the bus refuses for what it is, such as its size, would be tried for ever, and what
 * is behind it would never come. Where its resource was changed or deleted meanwhile it is passed
 * over: routers that miss it ask policy. Otherwise all waits, as order is what they rely on, and
 * this says for what.
 */
export class RefusedEntry {
  readonly #options: RefusedEntryOptions;
  #told: Timer | undefined;

  constructor(options: RefusedEntryOptions) {
    this.#options = options;
  }

  /** Returns when the row is to be passed over; otherwise throws why it was not written. */
  async handle({ subject, payload }: OutboxRow, error: unknown): Promise<void> {
    if (!(error instanceof GatewayError) || error.reason !== "FIELD_INVALID") throw error;
    if (payload === null || subject === headKey) throw error;
    const entry = fromBinary(ConfigEntrySchema, payload);
    if (entry.resource === undefined) throw error;
    const { name } = entry;
    if (await this.#isReplaced(entry)) {
      this.#options.events.entryPassedOver(name, error);
      return;
    }
    const message = `${name} can't be published, nor what was changed after it: ${error.message}`;
    this.#tell(message);
    throw new GatewayError("FIELD_INVALID", message, { source: "gateway", cause: error });
  }

  /** Everything was written, or nothing is any more. */
  forget(): void {
    if (this.#told === undefined) return;
    this.#told.cancel();
    this.#told = undefined;
    this.#options.health.set(healthPart, "ready");
  }

  async #isReplaced({ name, revision }: ConfigEntry): Promise<boolean> {
    const stored = await readResource(this.#options.db, name);
    return stored === undefined || openResource(stored).message.revision > revision;
  }

  /** Another replica may be the one that publishes next. */
  #tell(message: string): void {
    this.#told?.cancel();
    this.#told = this.#options.clock.schedule(toldForMs, () => this.forget());
    this.#options.health.set(healthPart, "ready", message);
  }
}
