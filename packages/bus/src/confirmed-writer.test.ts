import { expect, it, vi } from "vitest";
import type { ConfigBucket } from "./config-bucket.ts";
import { ConfirmedWriter } from "./confirmed-writer.ts";
import { createMemoryBus } from "./memory/memory-bus.ts";

const key = "quota.r.1";

function life(contiguous: bigint) {
  return [{ replica: "r", epoch: 1n, contiguous }];
}

async function stored(bucket: ConfigBucket): Promise<bigint> {
  const entry = await bucket.get(key);
  return entry === undefined ? 0n : Buffer.from(entry.value).readBigUInt64BE();
}

it.each([
  { order: [3n, 1n, 2n, 9n, 4n, 8n] },
  { order: [9n, 9n, 9n, 1n, 1n, 1n] },
  { order: [1n, 2n, 3n, 4n, 5n, 6n] },
  { order: Array.from({ length: 30 }, (_, at) => BigInt(((at * 17) % 31) + 1)) },
])("writers of one consumer never take a key back: $order", async ({ order }) => {
  const bus = createMemoryBus();
  const values: bigint[] = [];
  await bus.confirmed.watch({
    onEntry: ({ value }) => values.push(Buffer.from(value).readBigUInt64BE()),
  });
  const writers = [0, 1, 2].map(() => new ConfirmedWriter(bus.confirmed, "quota"));
  await Promise.all(order.map(async (number, at) => await writers[at % 3]?.write(life(number))));
  const highest = order.reduce((most, number) => (number > most ? number : most));
  expect(await stored(bus.confirmed)).toBe(highest);
  await vi.waitFor(() => expect(values.at(-1)).toBe(highest));
  expect(values).toEqual(values.toSorted((a, b) => (a < b ? -1 : 1)));
  await bus.close();
});

it("writes again what the bus has lost, when its event comes again", async () => {
  const bus = createMemoryBus();
  const writer = new ConfirmedWriter(bus.confirmed, "quota");
  await writer.write(life(7n));
  await bus.confirmed.delete(key);
  await writer.write(life(7n));
  expect(await stored(bus.confirmed)).toBe(7n);
  await bus.close();
});

it("keeps what could not be written for the next time", async () => {
  const bus = createMemoryBus();
  let away = true;
  const put: ConfigBucket["put"] = async (...args) => {
    if (away) throw new Error("away");
    return await bus.confirmed.put(...args);
  };
  const get = (name: string) => bus.confirmed.get(name);
  const writer = new ConfirmedWriter({ put, get }, "quota");
  await expect(writer.write(life(3n))).rejects.toThrow("away");
  away = false;
  await writer.write([]);
  expect(await stored(bus.confirmed)).toBe(3n);
  await bus.close();
});
