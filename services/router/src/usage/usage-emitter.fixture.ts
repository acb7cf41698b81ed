import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { UsageEventSchema } from "@penstock/api";
import { confirmedKey, createMemoryBus, eventsIn } from "@penstock/bus";
import type { Bus, PublishResult, StreamMessage } from "@penstock/bus";
import { GatewayError } from "@penstock/errors";
import { silentObservability } from "@penstock/observability";
import { systemClock } from "@penstock/runtime";
import type { Clock, WallMs } from "@penstock/runtime";
import { systemFiles } from "./spool-files.ts";
import type { SpoolFiles } from "./spool-files.ts";
import { Spool } from "./spool.ts";
import { UsageEmitter } from "./usage-emitter.ts";

const cleanups: (() => unknown)[] = [];

/** Ends what `setUp` has made, newest first. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

/** One event of a message; `id` is that of its request. */
export interface PublishedEvent {
  readonly id: string;
  readonly subject: string;
  readonly payload: Uint8Array;
}

/** The events of a message, each with the id of its request. */
export function publishedEvents({ subject, payload }: StreamMessage): PublishedEvent[] {
  return eventsIn(payload).map((event) => {
    const { requestId } = fromBinary(UsageEventSchema, event);
    return { id: requestId, subject, payload: event };
  });
}

/** A bus whose stream keeps what was published and fails on demand. */
export class RecordingStream {
  /** The events of each publication. */
  readonly batches: PublishedEvent[][] = [];
  /** The messages of each publication. */
  readonly messages: (readonly StreamMessage[])[] = [];
  failing = false;
  /** Events that are refused in their first form, or always, with all of their message, and why. */
  readonly refusing = new Map<string, { reason: "FIELD_INVALID" | "UNAVAILABLE"; from: number }>();
  /** Events that fail once, with all of their message. */
  readonly failOnce = new Set<string>();
  /** Publications of more events are not acknowledged in time. */
  mostInTime = Number.POSITIVE_INFINITY;
  /** A batch is answered after this. */
  onBatch: () => Promise<unknown> | undefined = () => undefined;

  async publish(batch: readonly StreamMessage[]): Promise<PublishResult[]> {
    if (this.failing) throw new Error("no bus");
    const published = batch.map(publishedEvents);
    if (published.flat().length > this.mostInTime) {
      const error = new GatewayError("DEADLINE_EXCEEDED", "late");
      return batch.map(() => ({ ok: false, error }));
    }
    this.batches.push(published.flat());
    this.messages.push([...batch]);
    await this.onBatch();
    return published.map((events) => this.#resultOf(events));
  }

  #resultOf(events: readonly PublishedEvent[]): PublishResult {
    for (const { id, payload } of events) {
      const refusal = this.refusing.get(id);
      if (refusal !== undefined && payload.length >= refusal.from) {
        return { ok: false, error: new GatewayError(refusal.reason, "never") };
      }
    }
    const fails = events.filter(({ id }) => this.failOnce.delete(id)).length > 0;
    if (!fails) return { ok: true, duplicate: false };
    return { ok: false, error: new GatewayError("UNAVAILABLE", "not now") };
  }

  get ids(): string[] {
    return this.batches.flat().map(({ id }) => id);
  }
}

/** A folder of its own. */
export function newFolder(): string {
  const folder = mkdtempSync(`${tmpdir()}/emitter-`);
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A spool with segments of 1,000 bytes, and the emitter that publishes it. */
export function setUp(
  folder = newFolder(),
  clock: Clock = systemClock,
  memory: Bus = createMemoryBus(),
  files: SpoolFiles = systemFiles,
) {
  const observability = silentObservability();
  // Epochs begin at the seconds of the wall clock; from here they are counted.
  const counting = { ...clock, schedule: clock.schedule.bind(clock), wallMs: () => 0 as WallMs };
  const monotonicMs = () => clock.monotonicMs();
  const spoolClock = { ...counting, monotonicMs };
  const rest = { clock: spoolClock, observability, segmentBytes: 1_000, files };
  const spool = Spool.open({ folder, replica: "r", ...rest });
  const stream = new RecordingStream();
  const { confirmed, onRestored } = memory;
  const bus = { usage: stream as unknown as Bus["usage"], confirmed, onRestored };
  const emitter = new UsageEmitter({ spool, bus, replica: "r", clock, observability });
  cleanups.push(async () => {
    await emitter.close();
    await spool.close();
    await memory.close();
  });
  return { spool, stream, emitter, memory, folder };
}

/** Ends a request; gives the error that the spool tells. */
export function end(spool: Spool, requestId: string, padding = 0): Promise<unknown> {
  const sequence = spool.nextSequence();
  const event = create(UsageEventSchema, {
    requestId,
    sequence,
    epoch: spool.epoch,
    model: "m".repeat(padding),
  });
  const payload = toBinary(UsageEventSchema, event);
  return new Promise((resolve) => {
    spool.final({ requestId, payload, sequence }, { onSpooled: resolve });
  });
}

/** Both consumers have everything up to the number. */
export const confirm = async (bus: Bus, epoch: bigint, sequence: bigint): Promise<void> => {
  for (const consumer of ["quota", "telemetry"]) {
    const value = Buffer.alloc(8);
    value.writeBigUInt64BE(sequence);
    await bus.confirmed.put(confirmedKey(consumer, "r", epoch), value);
  }
};
