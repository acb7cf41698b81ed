import { beforeEach, describe, expect, it } from "vitest";
import type { ConfirmedSequence } from "./confirmed-writer.ts";
import { joinEvents } from "./event-batch.ts";
import { EventConsumer } from "./event-consumer.ts";
import type { EventWork } from "./event-consumer.ts";
import type { ConsumeOptions, Delivery } from "./event-stream.ts";
import { createMemoryBus } from "./memory/memory-bus.ts";

interface Item {
  readonly text: string;
  readonly sequence: bigint;
}

const sequenceOf = (text: string): bigint => BigInt(/\d+$/.exec(text)?.[0] ?? 0);

/** A ledger of texts: `bad…` it never takes, `early…` not before the third delivery. */
class Ledger implements EventWork<Item> {
  readonly consumer = "quota";
  readonly maxBatch = 4;
  largestBatch = 4;
  readonly stored: string[] = [];
  readonly passed: bigint[] = [];
  readonly transactions: number[] = [];

  read(payload: Uint8Array): Item | undefined {
    const text = Buffer.from(payload).toString();
    return /^(good|bad|early)\d+$/.test(text) ? { text, sequence: sequenceOf(text) } : undefined;
  }

  numberOf(payload: Uint8Array) {
    return { replica: "r", epoch: 1n, sequence: sequenceOf(Buffer.from(payload).toString()) };
  }

  waitMs({ text }: Item, deliveryCount: number): number | undefined {
    return text.startsWith("early") && deliveryCount < 3 ? 200 : undefined;
  }

  onStore: () => Promise<unknown> | undefined = () => undefined;

  async store(batch: readonly { readonly item: Item }[]): Promise<readonly ConfirmedSequence[]> {
    await this.onStore();
    this.transactions.push(batch.length);
    const texts = batch.map(({ item }) => item.text);
    if (texts.some((text) => text.startsWith("bad"))) throw new RangeError("bad");
    for (const text of texts) if (!this.stored.includes(text)) this.stored.push(text);
    return [];
  }

  async pass({ sequence }: { readonly sequence: bigint }): Promise<readonly ConfirmedSequence[]> {
    this.passed.push(sequence);
    return [];
  }

  eventOf({ sequence }: Item) {
    return { replica: "r", epoch: 1n, sequence };
  }

  isLasting(error: unknown): boolean {
    return error instanceof RangeError;
  }
}

let ledger: Ledger;
let malformed: string[];
let refused: string[];

beforeEach(() => {
  ledger = new Ledger();
  malformed = [];
  refused = [];
});

function consumer(consume: (options: ConsumeOptions) => void = () => undefined) {
  return new EventConsumer<Item>({
    stream: {
      consume: async (options) => {
        consume(options);
        return { close: async () => undefined };
      },
    },
    confirmed: createMemoryBus().confirmed,
    work: ledger,
    events: {
      eventMalformed: (id) => malformed.push(id),
      eventRefused: ({ text }) => refused.push(text),
      consumerProblem: () => undefined,
      confirmFailed: () => undefined,
    },
  });
}

function message(id: string, texts: readonly string[], deliveryCount = 1): Delivery {
  const payload = joinEvents(texts.map((text) => Buffer.from(text)));
  return { id, subject: "usage.v1.r", payload, deliveryCount };
}

describe("EventConsumer", () => {
  it("takes messages with one event and with several, in order, in bounded transactions", async () => {
    const texts = Array.from({ length: 9 }, (_, index) => `good${index + 1}`);
    const batch = [message("one", texts.slice(0, 1)), message("many", texts.slice(1))];
    expect(await consumer().handle(batch)).toEqual(["ack", "ack"]);
    expect(ledger.stored).toEqual(texts);
    expect(Math.max(...ledger.transactions)).toBe(4);
  });

  it("makes larger transactions where they take no time, up to a bound", async () => {
    ledger.largestBatch = 8;
    const texts = Array.from({ length: 96 }, (_, index) => `good${index + 1}`);
    await consumer().handle(texts.map((text) => message(text, [text])));
    expect(ledger.transactions[0]).toBe(4);
    expect(Math.max(...ledger.transactions)).toBe(8);
    expect(ledger.stored).toEqual(texts);
  });

  it("stores the neighbours of an event that can't be stored, which alone is given up", async () => {
    const texts = ["good1", "bad2", "good3"];
    const handled = consumer();
    expect(await handled.handle([message("m", texts)])).toEqual([{ retryAfterMs: 1_000 }]);
    expect(ledger.stored).toEqual(["good1", "good3"]);
    expect(await handled.handle([message("m", texts, 30)])).toEqual([{ retryAfterMs: 1_000 }]);
    expect(ledger.passed).toEqual([]);
    expect(await handled.handle([message("m", texts, 31)])).toEqual(["reject"]);
    expect(ledger.passed).toEqual([2n]);
    expect(refused).toEqual(["bad2"]);
    expect(ledger.stored).toEqual(["good1", "good3"]);
  });

  it("passes what is no event, names its place, and takes what is beside it", async () => {
    const batch = [message("m", ["good1", "noise2", "good3"]), message("n", ["good4"])];
    expect(await consumer().handle(batch)).toEqual(["reject", "ack"]);
    expect(ledger.stored).toEqual(["good1", "good3", "good4"]);
    expect(ledger.passed).toEqual([2n]);
    expect(malformed).toEqual(["m#2"]);
  });

  it("asks for the whole message again while one of its events waits", async () => {
    const texts = ["good1", "early2"];
    const handled = consumer();
    expect(await handled.handle([message("m", texts)])).toEqual([{ retryAfterMs: 200 }]);
    expect(ledger.stored).toEqual(["good1"]);
    expect(await handled.handle([message("m", texts, 3)])).toEqual(["ack"]);
    expect(ledger.stored).toEqual(["good1", "early2"]);
  });

  it("asks for the message again after the longest time that one of its events needs", async () => {
    const texts = ["bad1", "early2"];
    const outcomes = await consumer().handle([message("m", texts)]);
    expect(outcomes).toEqual([{ retryAfterMs: 1_000 }]);
  });

  it("rejects a message that was cut off", async () => {
    const { payload, ...rest } = message("m", ["good1", "good2"]);
    const cut = { ...rest, payload: payload.subarray(0, payload.length - 1) };
    expect(await consumer().handle([cut, message("n", ["good3"])])).toEqual(["reject", "ack"]);
    expect(malformed).toEqual(["m"]);
    expect(ledger.stored).toEqual(["good3"]);
  });

  it("begins no transaction after it was closed or aborted; the rest comes again", async () => {
    const batch = ["good1", "bad1", "noise1"].map((text, index) =>
      message(`${index}`, index < 2 ? [text, "good2", "good3"] : [text]),
    );
    const again = { retryAfterMs: 1_000 };
    const closed = consumer();
    ledger.onStore = () => closed.close();
    expect(await closed.handle(batch)).toEqual(["ack", again, again]);
    expect(ledger.transactions).toEqual([3]);

    const abort = new AbortController();
    const aborted = consumer();
    await aborted.start(abort.signal);
    ledger.onStore = async () => abort.abort();
    // Taken apart because of the bad one, of which only the first try had begun.
    expect(await aborted.handle(batch.slice(1, 2))).toEqual([again]);
    expect(ledger.transactions).toEqual([3, 3]);
    expect(ledger.passed).toEqual([]);
    expect(malformed).toEqual([]);
  });

  it("tells the bus of its progress before each transaction", async () => {
    const order: string[] = [];
    ledger.onStore = async () => order.push("store");
    const texts = Array.from({ length: 4 }, (_, index) => `good${index + 1}`);
    const batch = [message("m", texts), message("n", ["bad5", "good6"]), message("o", ["noise7"])];
    await consumer().handle(batch, () => order.push("progress"));
    expect(order.filter((step) => step === "store")).toHaveLength(4);
    expect(order.join(" ").replaceAll("progress store", "P")).toBe("P progress P P P");
  });

  it("asks for fewer messages than the events of a transaction", async () => {
    const asked: number[] = [];
    await consumer(({ maxBatch }) => asked.push(maxBatch)).start();
    expect(asked).toEqual([1]);
  });
});
