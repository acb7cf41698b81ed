import { ManualClock } from "@penstock/runtime";
import { describe, expect, it } from "vitest";
import { Permits } from "./permits.ts";

const limits = { count: 2, maxWaiting: 2, waitTimeoutMs: 100 };

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe("permits", () => {
  it("let so many work, the next wait in their order, and the rest are refused at once", async () => {
    const permits = new Permits(limits, new ManualClock());
    const admitted: number[] = [];
    const take = (number: number) => permits.take().then(() => admitted.push(number));
    await Promise.all([take(1), take(2)]);
    const waiting = [take(3), take(4)];
    await expect(take(5)).rejects.toMatchObject({ reason: "UNAVAILABLE" });
    expect(admitted).toEqual([1, 2]);
    permits.give();
    await settle();
    expect(admitted).toEqual([1, 2, 3]);
    permits.give();
    await Promise.all(waiting);
    expect(admitted).toEqual([1, 2, 3, 4]);
  });

  it("refuse who waited too long, and do not lose a permit to him", async () => {
    const clock = new ManualClock();
    const permits = new Permits({ ...limits, count: 1 }, clock);
    await permits.take();
    const late = permits.take();
    const refused = expect(late).rejects.toMatchObject({ reason: "UNAVAILABLE" });
    clock.advance(100);
    await refused;
    permits.give();
    await permits.take();
    const next = permits.take();
    permits.give();
    await next;
  });
});
