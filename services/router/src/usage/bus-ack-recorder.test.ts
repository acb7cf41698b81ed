import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { RequestOutcome, UsageEventSchema } from "@penstock/api";
import { createMemoryBus } from "@penstock/bus";
import type { Bus, PublishResult, StreamMessage } from "@penstock/bus";
import type { GatewayError } from "@penstock/errors";
import { silentObservability } from "@penstock/observability";
import { ManualClock } from "@penstock/runtime";
import { afterEach, describe, expect, it, vi } from "vitest";
import { BusAckRecorder } from "./bus-ack-recorder.ts";
import { IntentAdoption } from "./intent-adoption.ts";
import { Spool } from "./spool.ts";
import { UsageEmitter } from "./usage-emitter.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A bus whose acknowledgements can be held back. */
class HesitantBus {
  readonly memory = createMemoryBus();
  readonly published: StreamMessage[] = [];
  #open = Promise.withResolvers<void>();
  #isOpen = true;

  hesitate(): void {
    this.#isOpen = false;
    this.#open = Promise.withResolvers();
  }

  goOn(): void {
    this.#isOpen = true;
    this.#open.resolve();
  }

  get bus(): Bus {
    const usage = {
      publish: async (batch: readonly StreamMessage[]): Promise<PublishResult[]> => {
        if (!this.#isOpen) await this.#open.promise;
        this.published.push(...batch);
        return batch.map(() => ({ ok: true, duplicate: false }));
      },
    } as unknown as Bus["usage"];
    const { intents: bucket } = this.memory;
    const intents = Object.assign(Object.create(bucket) as typeof bucket, {
      put: async (key: string, value: Uint8Array) => {
        if (!this.#isOpen) await this.#open.promise;
        return await bucket.put(key, value);
      },
      purge: (key: string) => bucket.purge(key),
      list: (prefix?: string) => bucket.list(prefix),
    });
    return { ...this.memory, usage, intents };
  }
}

const clock = new ManualClock(1_800_000_000_000);

function setUp(hesitant: HesitantBus, name = "r", boundBytes?: number) {
  const folder = mkdtempSync(`${tmpdir()}/bus-ack-`);
  const { bus } = hesitant;
  const observability = silentObservability();
  const spool = Spool.open({ folder, replica: name, clock, observability, boundBytes });
  const emitter = new UsageEmitter({
    spool,
    bus,
    replica: name,
    clock,
    observability,
    eager: true,
  });
  const common = { name, clock, observability };
  const recorder = new BusAckRecorder({ spool, intents: bus.intents, ...common });
  const { retiredEpochs } = spool;
  const rest = { sweeps: true, recorder: spool, retiredEpochs, ...common };
  const adoption = new IntentAdoption({ bus, ...rest });
  emitter.onPublished = (id) => {
    recorder.published(id);
    adoption.published(id);
  };
  cleanups.push(async () => {
    hesitant.goOn();
    adoption.close();
    await emitter.close();
    await spool.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { spool, emitter, recorder, adoption, bus };
}

type Heard = GatewayError | "in time" | undefined;

function encode(requestId: string, startMs: number = clock.wallMs()): Uint8Array {
  const startTime = timestampFromMs(startMs);
  return toBinary(UsageEventSchema, create(UsageEventSchema, { requestId, model: "m", startTime }));
}

function begin(recorder: BusAckRecorder, id: string, startMs?: number): { heard: Heard[] } {
  const heard: Heard[] = [];
  const onSpooled = (error: Heard) => void heard.push(error ?? "in time");
  recorder.intent(id, encode(id, startMs), { onSpooled });
  return { heard };
}

function end(recorder: BusAckRecorder, requestId: string): { heard: Heard[] } {
  const heard: Heard[] = [];
  const onSpooled = (error: Heard) => void heard.push(error ?? "in time");
  const sequence = recorder.nextSequence();
  recorder.final({ requestId, payload: encode(requestId), sequence }, { onSpooled });
  return { heard };
}

const intentsOf = async (bus: Bus) => (await bus.intents.list()).map(({ key }) => key);

describe("BusAckRecorder", () => {
  it("lets a request go on when the bus has its intent, and end when it has its event", async () => {
    const hesitant = new HesitantBus();
    const { emitter, recorder, bus, spool } = setUp(hesitant);
    await emitter.start();
    hesitant.hesitate();
    const begun = begin(recorder, "a");
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(begun.heard).toEqual([]);
    hesitant.goOn();
    await vi.waitFor(() => expect(begun.heard).toEqual(["in time"]));
    expect(await intentsOf(bus)).toEqual([`r.${spool.epoch}.a`]);
    hesitant.hesitate();
    const ended = end(recorder, "a");
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(ended.heard).toEqual([]);
    hesitant.goOn();
    await vi.waitFor(() => expect(ended.heard).toEqual(["in time"]));
    await vi.waitFor(async () => expect(await intentsOf(bus)).toEqual([]));
  });

  it("refuses to begin after 2 s without the bus, but ends what ran", async () => {
    const hesitant = new HesitantBus();
    const { emitter, recorder } = setUp(hesitant);
    await emitter.start();
    const running = begin(recorder, "running");
    await vi.waitFor(() => expect(running.heard).toEqual(["in time"]));
    hesitant.hesitate();
    const begun = begin(recorder, "new");
    const ended = end(recorder, "running");
    await new Promise((resolve) => setTimeout(resolve, 20));
    clock.advance(2_000);
    expect(begun.heard).toMatchObject([{ reason: "METERING_UNAVAILABLE" }]);
    expect(ended.heard).toEqual(["in time"]);
    hesitant.goOn();
    await vi.waitFor(() => expect(hesitant.published.map(({ id }) => id)).toEqual(["running"]));
    expect(begun.heard).toHaveLength(1);
    expect(ended.heard).toHaveLength(1);
  });

  it("leaves nothing on the bus of what the spool does not take", async () => {
    const { recorder, bus, spool } = setUp(new HesitantBus(), "r", 1);
    const first = begin(recorder, "first");
    await vi.waitFor(() => expect(first.heard).toEqual(["in time"]));
    expect(recorder.takesIntents).toBe(false);
    expect(begin(recorder, "second").heard).toMatchObject([{ reason: "METERING_UNAVAILABLE" }]);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await intentsOf(bus)).toEqual([`r.${spool.epoch}.first`]);
  });

  it("does not wait for the bus with what was refused before it began", async () => {
    const hesitant = new HesitantBus();
    const { emitter, recorder } = setUp(hesitant);
    await emitter.start();
    hesitant.hesitate();
    const refused = end(recorder, "refused");
    await vi.waitFor(() => expect(refused.heard).toEqual(["in time"]));
  });
});

describe("IntentAdoption", () => {
  it("ends once what ran when router and disk were lost", async () => {
    const hesitant = new HesitantBus();
    const lost = setUp(hesitant);
    await lost.emitter.start();
    const [ran, ended] = [begin(lost.recorder, "ran"), begin(lost.recorder, "ended")];
    await vi.waitFor(() => expect([...ran.heard, ...ended.heard]).toHaveLength(2));
    end(lost.recorder, "ended");
    await vi.waitFor(async () => expect(await intentsOf(lost.bus)).toHaveLength(1));
    clock.advance(5_000);
    const next = setUp(hesitant);
    await next.emitter.start();
    next.adoption.start();
    await vi.waitFor(async () => expect(await intentsOf(next.bus)).toEqual([]));
    const events = hesitant.published.map(({ payload }) => fromBinary(UsageEventSchema, payload));
    expect(events.map(({ requestId }) => requestId)).toEqual(["ended", "ran"]);
    expect(events[1]).toMatchObject({
      outcome: RequestOutcome.INTERRUPTED,
      replica: "r",
      epoch: next.spool.epoch,
      sequence: 1n,
      model: "m",
    });
  });

  it("ends what another router ran only when it is gone and can't run it any more", async () => {
    const hesitant = new HesitantBus();
    const lost = setUp(hesitant, "lost");
    await lost.emitter.start();
    await hesitant.memory.routers.put("living", new Uint8Array());
    const living = setUp(hesitant, "living");
    const old = clock.wallMs() - 1_300_000;
    const begun = [
      begin(lost.recorder, "old", old),
      begin(lost.recorder, "young"),
      begin(living.recorder, "slow", old),
    ];
    await vi.waitFor(() => expect(begun.flatMap(({ heard }) => heard)).toHaveLength(3));
    const third = setUp(hesitant, "third");
    await third.emitter.start();
    third.adoption.start();
    await vi.waitFor(() => expect(hesitant.published.map(({ id }) => id)).toEqual(["old"]));
    await vi.waitFor(async () => expect(await intentsOf(third.bus)).toHaveLength(2));
  });
});
