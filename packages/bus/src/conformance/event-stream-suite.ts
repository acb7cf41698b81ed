import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ConsumeOptions, Delivery, DeliveryOutcome } from "../event-stream.ts";
import type { EventStream, StreamMessage } from "../event-stream.ts";
import { usageSubject } from "../subjects.ts";

/** What the suite needs of an adapter; fresh and empty for each test. */
export interface StreamHarness {
  readonly stream: EventStream;
  /** Another stream, with room for fewer than 200 messages of one kibibyte. */
  openSmall(): Promise<EventStream>;
  readonly ackWaitMs: number;
  /** Lets this much of the adapter's time pass. */
  passTime(durationMs: number): Promise<void>;
  close(): Promise<void>;
}

type Handle = (
  batch: Delivery[],
  progress: () => void,
) => DeliveryOutcome[] | Promise<DeliveryOutcome[]>;

const subject = usageSubject("replica-1");

function messages(count: number, first = 0): StreamMessage[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `id-${first + index}`,
    subject,
    payload: new TextEncoder().encode(`payload ${first + index}`),
  }));
}

/** Starts a consumer that notes what it gets. */
async function collect(
  stream: EventStream,
  options: Partial<Omit<ConsumeOptions, "handle">> & { handle?: Handle } = {},
) {
  const seen: Delivery[] = [];
  const batches: number[] = [];
  const problems: unknown[] = [];
  const consumption = await stream.consume({
    consumer: "quota",
    maxBatch: 10,
    maxWaitMs: 1_000,
    onProblem: (problem) => problems.push(problem),
    ...options,
    handle: async (batch, progress) => {
      seen.push(...batch);
      batches.push(batch.length);
      return (await options.handle?.(batch, progress)) ?? batch.map(() => "ack");
    },
  });
  const ids = (): string[] => seen.map((delivery) => delivery.id);
  return { seen, ids, batches, problems, consumption };
}

/** Everything an `EventStream` promises. */
export function describeEventStream(name: string, open: () => Promise<StreamHarness>): void {
  describe(`EventStream: ${name}`, () => {
    let harness: StreamHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());
    describePublishing(() => harness);
    describeConsuming(() => harness.stream);
    describeOutcomes(() => harness);
    describeEnding(() => harness);
  });
}

function describePublishing(get: () => StreamHarness): void {
  it("delivers what was published, in order, as it was", async () => {
    const { stream } = get();
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const [first, ...rest] = messages(25);
    const results = await stream.publish([{ ...first!, traceparent }, ...rest]);
    expect(results).toEqual(results.map(() => ({ ok: true, duplicate: false })));
    const { seen, ids, consumption } = await collect(stream);
    await vi.waitFor(() => expect(ids()).toEqual(messages(25).map(({ id }) => id)));
    expect(seen[0]).toMatchObject({ subject, traceparent, deliveryCount: 1 });
    expect(seen[1]).not.toHaveProperty("traceparent");
    expect(new TextDecoder().decode(seen[24]?.payload)).toBe("payload 24");
    await consumption.close();
  });

  it("keeps a message published twice once, and says so", async () => {
    const { stream } = get();
    await stream.publish(messages(2));
    const results = await stream.publish(messages(3));
    expect(results.map((result) => result.ok && result.duplicate)).toEqual([true, true, false]);
    const { ids, consumption } = await collect(stream);
    await vi.waitFor(() => expect(ids()).toEqual(["id-0", "id-1", "id-2"]));
    await consumption.close();
  });

  it("refuses what it has no room for, message by message, and takes the rest", async () => {
    const small = await get().openSmall();
    const large = messages(200).map((message) => ({ ...message, payload: new Uint8Array(1_024) }));
    const results = await small.publish(large);
    expect(results).toHaveLength(200);
    expect(results[0]).toEqual({ ok: true, duplicate: false });
    const last = results.at(-1);
    expect(last?.ok === false && last.error.reason).toBe("OVERLOADED");
    const taken = results.filter((result) => result.ok).length;
    const { ids, consumption } = await collect(small);
    await vi.waitFor(() => expect(ids()).toHaveLength(taken));
    await consumption.close();
    const retried = await collectAndPublish(small, large.slice(taken, taken + 1));
    expect(retried).toEqual([large[taken]?.id]);
  });

  it("refuses a message that is too large, alone", async () => {
    const { stream } = get();
    const [first, second] = messages(2);
    const tooLarge = { ...second!, payload: new Uint8Array(256 * 1024 + 1) };
    const results = await stream.publish([tooLarge, first!]);
    expect(results[0]?.ok === false && results[0].error.reason).toBe("FIELD_INVALID");
    expect(results[1]?.ok).toBe(true);
  });

  it("takes a message that almost fills its room, or refuses it for good", async () => {
    const [message] = messages(1);
    const largest = { ...message!, payload: new Uint8Array(256 * 1024 - 1) };
    const [result] = await get().stream.publish([largest]);
    // Some servers count the headers, too.
    const reason = result?.ok === false ? result.error.reason : "FIELD_INVALID";
    expect(reason).toBe("FIELD_INVALID");
  });

  it("gives results, not a rejection, when the signal is aborted", async () => {
    const results = await get().stream.publish(messages(2), AbortSignal.abort());
    const reasons = results.map((result) => !result.ok && result.error.reason);
    expect(reasons).toEqual(["CANCELLED", "CANCELLED"]);
  });
}

/** Room is freed a moment after the acknowledgement, so the publisher tries again like a spool. */
async function collectAndPublish(stream: EventStream, batch: StreamMessage[]): Promise<string[]> {
  const { ids, consumption } = await collect(stream);
  await vi.waitFor(async () => expect((await stream.publish(batch))[0]?.ok).toBe(true), 5_000);
  await vi.waitFor(() => expect(ids()).toHaveLength(batch.length));
  await consumption.close();
  return ids();
}

function describeConsuming(get: () => EventStream): void {
  it("delivers to a waiting consumer, in batches of a bounded size", async () => {
    const { ids, batches, consumption } = await collect(get(), { maxBatch: 7 });
    await get().publish(messages(50));
    await vi.waitFor(() => expect(ids()).toHaveLength(50));
    expect(Math.max(...batches)).toBeLessThanOrEqual(7);
    expect(new Set(ids()).size).toBe(50);
    await consumption.close();
  });

  it("lets two consumers go at their own pace", async () => {
    const stream = get();
    const gate = Promise.withResolvers<void>();
    const slow = await collect(stream, {
      consumer: "telemetry",
      maxBatch: 1,
      handle: async () => {
        await gate.promise;
        return ["ack"];
      },
    });
    const fast = await collect(stream);
    await stream.publish(messages(5));
    await vi.waitFor(() => expect(fast.ids()).toHaveLength(5));
    expect(slow.ids().length).toBeLessThanOrEqual(1);
    gate.resolve();
    await vi.waitFor(() => expect(slow.ids()).toHaveLength(5));
    await Promise.all([slow.consumption.close(), fast.consumption.close()]);
  });

  it("shares the messages between two of one name", async () => {
    const stream = get();
    const one = await collect(stream, { maxBatch: 2 });
    const two = await collect(stream, { maxBatch: 2 });
    await stream.publish(messages(40));
    await vi.waitFor(() => expect(one.ids().length + two.ids().length).toBe(40));
    expect(new Set([...one.ids(), ...two.ids()]).size).toBe(40);
    await Promise.all([one.consumption.close(), two.consumption.close()]);
  });

  it("goes on where it stopped", async () => {
    const stream = get();
    await stream.publish(messages(3));
    const before = await collect(stream);
    await vi.waitFor(() => expect(before.ids()).toHaveLength(3));
    await before.consumption.close();
    await stream.publish(messages(2, 3));
    const after = await collect(stream);
    await vi.waitFor(() => expect(after.ids()).toEqual(["id-3", "id-4"]));
    await after.consumption.close();
  });

  it("never calls a handler while it works", async () => {
    let working = 0;
    let most = 0;
    const { ids, consumption } = await collect(get(), {
      maxBatch: 2,
      handle: async (batch) => {
        working += 1;
        most = Math.max(most, working);
        await new Promise((resolve) => setImmediate(resolve));
        working -= 1;
        return batch.map(() => "ack");
      },
    });
    await get().publish(messages(20));
    await vi.waitFor(() => expect(ids()).toHaveLength(20));
    expect(most).toBe(1);
    await consumption.close();
  });
}

function describeOutcomes(get: () => StreamHarness): void {
  it("brings a message again later and counts its deliveries; others go on", async () => {
    const { stream, passTime } = get();
    const { seen, ids, consumption } = await collect(stream, {
      handle: (batch) =>
        batch.map(({ id, deliveryCount }) =>
          id === "id-0" && deliveryCount < 3 ? { retryAfterMs: 50 } : "ack",
        ),
    });
    await stream.publish(messages(2));
    await vi.waitFor(() => expect(ids()).toEqual(["id-0", "id-1"]));
    await vi.waitFor(async () => {
      await passTime(50);
      expect(ids()).toHaveLength(4);
    });
    const counts = seen.filter(({ id }) => id === "id-0").map(({ deliveryCount }) => deliveryCount);
    expect(counts).toEqual([1, 2, 3]);
    await consumption.close();
  });

  it("never brings a rejected message again", async () => {
    const { stream, ackWaitMs, passTime } = get();
    const { ids, consumption } = await collect(stream, {
      handle: (batch) => batch.map(({ id }) => (id === "id-0" ? "reject" : "ack")),
    });
    await stream.publish(messages(2));
    await vi.waitFor(() => expect(ids()).toHaveLength(2));
    await passTime(ackWaitMs * 1.2);
    await stream.publish(messages(1, 2));
    await vi.waitFor(() => expect(ids()).toEqual(["id-0", "id-1", "id-2"]));
    await consumption.close();
  });

  it("brings the whole batch again when the handler throws, and reports it", async () => {
    const { stream, passTime } = get();
    let failed = false;
    const { ids, problems, consumption } = await collect(stream, {
      handle: (batch) => {
        if (failed) return batch.map(() => "ack");
        failed = true;
        throw new Error("database away");
      },
    });
    await stream.publish(messages(1));
    await vi.waitFor(() => expect(problems).toHaveLength(1));
    await passTime(1_000);
    await vi.waitFor(() => expect(ids()).toEqual(["id-0", "id-0"]), 5_000);
    await consumption.close();
  });

  it("brings again what a handler does not answer for in time", async () => {
    const { stream, ackWaitMs, passTime } = get();
    const hung = await collect(stream, { handle: () => new Promise(() => {}) });
    await stream.publish(messages(1));
    await vi.waitFor(() => expect(hung.ids()).toEqual(["id-0"]));
    const other = await collect(stream);
    await passTime(ackWaitMs);
    await vi.waitFor(() => expect(other.ids()).toEqual(["id-0"]), 5_000);
    // More often where a machine is slow: the one that hangs may be offered it again.
    expect(other.seen[0]?.deliveryCount).toBeGreaterThanOrEqual(2);
    await other.consumption.close();
  });

  it("leaves with a slow handler what it has, as long as it tells of its progress", async () => {
    const { stream, ackWaitMs, passTime } = get();
    const { seen, consumption } = await collect(stream, {
      maxBatch: 1,
      handle: async (batch, progress) => {
        for (let step = 0; batch[0]?.id === "id-0" && step < 4; step += 1) {
          progress();
          await passTime(ackWaitMs * 0.6);
        }
        return batch.map(() => "ack");
      },
    });
    await stream.publish(messages(3));
    await vi.waitFor(() => expect(seen.length).toBeGreaterThanOrEqual(3), 10_000);
    await passTime(ackWaitMs * 1.2);
    expect(seen.map(({ id }) => id)).toEqual(["id-0", "id-1", "id-2"]);
    expect(seen.map(({ deliveryCount }) => deliveryCount)).toEqual([1, 1, 1]);
    await consumption.close();
  });
}

function describeEnding(get: () => StreamHarness): void {
  it("gives an aborted consumer's unanswered messages to the next", async () => {
    const { stream } = get();
    const abort = new AbortController();
    const hung = await collect(stream, {
      signal: abort.signal,
      handle: () => new Promise(() => {}),
    });
    await stream.publish(messages(3));
    await vi.waitFor(() => expect(hung.ids().length).toBeGreaterThan(0));
    abort.abort();
    const next = await collect(stream);
    await vi.waitFor(() => expect(new Set(next.ids()).size).toBe(3), 5_000);
    expect(next.seen.some(({ deliveryCount }) => deliveryCount === 2)).toBe(true);
    await next.consumption.close();
    const options = { signal: abort.signal };
    await expect(collect(stream, options)).rejects.toThrow();
  });

  it("closes at once while it waits for messages", async () => {
    const { consumption } = await collect(get().stream, { maxWaitMs: 60_000 });
    await consumption.close();
    await consumption.close();
  });

  it("waits for the handler on close and keeps its outcomes", async () => {
    const { stream } = get();
    const gate = Promise.withResolvers<void>();
    const first = await collect(stream, {
      handle: async (batch) => {
        await gate.promise;
        return batch.map(() => "ack");
      },
    });
    await stream.publish(messages(1));
    await vi.waitFor(() => expect(first.ids()).toHaveLength(1));
    const closing = first.consumption.close();
    gate.resolve();
    await closing;
    await stream.publish(messages(1, 1));
    const second = await collect(stream);
    await vi.waitFor(() => expect(second.ids()).toEqual(["id-1"]));
    await second.consumption.close();
  });
}
