import { appendFileSync, statSync } from "node:fs";
import type { PublishResult } from "@penstock/bus";
import type { GatewayError } from "@penstock/errors";
import type { Counter, Logger, MetricRegistry } from "@penstock/observability";
import { bareEvent, slimEvent } from "./slim-event.ts";
import type { FinalRecord } from "./spool-callback.ts";
import { RecordBatch } from "./spool-record.ts";

/** Tries of an event that the bus calls malformed: once more for luck, then it is believed. */
const malformedTries = 3;
/** Tries of an event that the bus does not take while it takes others. */
const unluckyTries = 20;
/** The most that is kept of events that the bus does not take. */
const mostParkedBytes = 16 * 1024 * 1024;
/** Events whose tries are counted at once. */
const mostCounted = 4_096;

interface Refusals {
  tries: number;
  /** What is published by now: 0 the event itself, 1 without what may be large, 2 its place. */
  form: 0 | 1 | 2;
}

/**
 * Events that the bus refuses for good. They must hold up neither those behind them nor the
 * deletion of files, for which consumers count without gaps: the event is kept in the file
 * `refused` of the spool, in the form of the spool's records, and published without what may have
 * made it too large, at the last with nothing but its place.
 */
export class RefusedEvents {
  readonly #file: string;
  readonly #logger: Logger;
  readonly #counter: Counter;
  readonly #byId = new Map<string, Refusals>();

  constructor(folder: string, observability: { logger: Logger; metrics: MetricRegistry }) {
    this.#file = `${folder}/refused`;
    this.#logger = observability.logger;
    const help = "Usage events that the bus refused for good, by what was published instead.";
    this.#counter = observability.metrics.counter("penstock_usage_refused_total", help, ["form"]);
  }

  /** The bus has taken the event. */
  taken(requestId: string): void {
    if (this.#byId.size > 0) this.#byId.delete(requestId);
  }

  /**
   * The bus has refused the event; gives what is to be published next in its place, undefined:
   * nothing any more. `othersTaken`: in the same publication the bus has taken others.
   */
  refused(
    final: FinalRecord,
    result: PublishResult | undefined,
    othersTaken: boolean,
  ): FinalRecord | undefined {
    const error = result?.ok === false ? result.error : undefined;
    const malformed = error?.reason === "FIELD_INVALID";
    if (!malformed && !othersTaken) return final;
    const known = this.#byId.get(final.requestId);
    if (known === undefined && this.#byId.size >= mostCounted) return final;
    const refusals = known ?? { tries: 0, form: 0 };
    this.#byId.set(final.requestId, refusals);
    refusals.tries += 1;
    if (refusals.tries < (malformed ? malformedTries : unluckyTries)) return final;
    return this.#replace(final, refusals, error);
  }

  #replace(
    final: FinalRecord,
    refusals: Refusals,
    error: GatewayError | undefined,
  ): FinalRecord | undefined {
    const { requestId, payload } = final;
    const fields = { request_id: requestId, bytes: payload.length, error };
    refusals.tries = 0;
    if (refusals.form === 2) {
      this.#byId.delete(requestId);
      this.#counter.add(1, "nothing");
      this.#logger.error("a usage event can't be published at all", fields);
      return undefined;
    }
    if (refusals.form === 0) this.#park(final);
    refusals.form = refusals.form === 0 ? 1 : 2;
    const form = refusals.form === 1 ? "slim" : "bare";
    this.#counter.add(1, form);
    this.#logger.error("the bus refuses a usage event for good", { ...fields, published: form });
    try {
      const shorter = form === "slim" ? slimEvent(payload) : bareEvent(requestId, payload);
      return { ...final, payload: shorter };
    } catch (cause) {
      this.#logger.error("a refused usage event can't be read", { request_id: requestId, cause });
      return undefined;
    }
  }

  #park({ requestId, sequence, payload }: FinalRecord): void {
    try {
      const size = statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0;
      if (size + payload.length > mostParkedBytes) return;
      const batch = new RecordBatch();
      batch.add({ kind: "final", requestId, sequence, payload });
      appendFileSync(this.#file, batch.take(), { mode: 0o600 });
    } catch (error) {
      this.#logger.error("a refused usage event could not be kept", { error });
    }
  }
}
