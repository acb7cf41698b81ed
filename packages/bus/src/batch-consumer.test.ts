import { describe, expect, it } from "vitest";
import { consumeBatches } from "./batch-consumer.ts";
import type { BatchWork, ReadDelivery } from "./batch-consumer.ts";

function itemsOf(texts: string[], deliveryCount = 1): ReadDelivery<string>[] {
  return texts.map((item) => ({
    item,
    delivery: { id: item, subject: "s", payload: new Uint8Array(0), deliveryCount },
  }));
}

/** Stores what does not begin with "bad"; fails as a whole like a transaction. */
class Work implements BatchWork<string> {
  readonly maxBatch = 3;
  readonly stored: string[] = [];
  readonly givenUp: string[] = [];
  readonly batches: string[][] = [];
  away = false;

  async store(batch: readonly ReadDelivery<string>[]): Promise<void> {
    const items = batch.map(({ item }) => item);
    this.batches.push(items);
    if (this.away) throw new Error("away");
    if (items.some((item) => item.startsWith("bad"))) throw new RangeError("bad item");
    this.stored.push(...items);
  }

  isLasting(error: unknown): boolean {
    return error instanceof RangeError;
  }

  async giveUp(item: string): Promise<void> {
    if (this.away) throw new Error("away");
    this.givenUp.push(item);
  }
}

async function outcomesOf(items: ReadDelivery<string>[], work: Work) {
  const outcomes = await consumeBatches(items, work);
  return items.map(({ delivery }) => outcomes.get(delivery));
}

const later = { retryAfterMs: 1_000 };

describe("consuming in batches", () => {
  it("takes a batch apart that fails because of one item", async () => {
    const work = new Work();
    const items = itemsOf(["a", "bad", "b", "c"]);
    expect(await outcomesOf(items, work)).toEqual(["ack", later, "ack", "ack"]);
    expect(work.stored).toEqual(["a", "b", "c"]);
    expect(work.givenUp).toEqual([]);
  });

  it("gives an item up that failed alone many times, and notes it", async () => {
    const work = new Work();
    expect(await outcomesOf(itemsOf(["a", "bad"], 31), work)).toEqual(["ack", "reject"]);
    expect(work.givenUp).toEqual(["bad"]);
  });

  it("never gives up what fails for a passing reason, nor what can't be noted", async () => {
    const work = new Work();
    work.away = true;
    expect(await outcomesOf(itemsOf(["a", "b"], 99), work)).toEqual([later, later]);
    expect(work.batches).toEqual([["a", "b"]]);
    work.store = () => Promise.reject(new RangeError("bad item"));
    expect(await outcomesOf(itemsOf(["a"], 99), work)).toEqual([later]);
  });
});
