import { describe, expect, it } from "vitest";
import { Harness, quota, use } from "./lease-book.fixture.ts";
import type { QuotaRefused, Reserved } from "./lease-book.ts";

const budget = quota("budgets/hard", { kind: "budget", unit: "nano_usd", period: "day" });

/** Asks for room and gives quota so long to answer; then how the request ended, if it did. */
async function askFor(
  harness: Harness,
  durationMs: number,
): Promise<Reserved | QuotaRefused | undefined> {
  let ended: Reserved | QuotaRefused | undefined;
  const asked = harness.ask([use(budget)]).then((outcome) => (ended = outcome));
  await harness.settleDown();
  harness.clock.advance(durationMs);
  await harness.settleDown();
  void asked;
  return ended;
}

/** Quota answered the first sync this long after it was asked. */
async function startedWith(answerMs: number): Promise<Harness> {
  const harness = new Harness();
  harness.quotaService.limits.set(budget.name, 1_000);
  const { promise, resolve } = Promise.withResolvers<void>();
  harness.quotaService.gate = promise;
  harness.sync.start();
  harness.clock.advance(answerMs);
  resolve();
  await harness.settleDown();
  expect(harness.sync.reached).toBe(true);
  return harness;
}

describe("the wait for quota", () => {
  it("goes on for a quota that was quick a moment ago, until it answers", async () => {
    const harness = await startedWith(400);
    const { promise, resolve } = Promise.withResolvers<void>();
    harness.quotaService.gate = promise;
    const asked = harness.ask([use(budget)]);
    await harness.settleDown();
    harness.clock.advance(499);
    resolve();
    expect((await asked).kind).toBe("reserved");
  });

  it("is long once: the next one is short, until quota has answered again", async () => {
    const harness = await startedWith(1);
    harness.quotaService.hang = true;
    expect(await askFor(harness, 499)).toBeUndefined();
    harness.clock.advance(1);
    expect(await askFor(harness, 149)).toBeUndefined();
    expect(await askFor(harness, 150)).toMatchObject({
      silence: { state: "late", waitedMs: 150 },
    });
  });

  it("is short for a quota that takes long for every call", async () => {
    const harness = await startedWith(501);
    harness.quotaService.hang = true;
    expect(await askFor(harness, 150)).toMatchObject({
      cause: "unavailable",
      silence: { state: "late", waitedMs: 150 },
    });
  });

  it("ends at once when a call to quota fails, and says so", async () => {
    const harness = await startedWith(1);
    harness.quotaService.down = true;
    expect(await askFor(harness, 0)).toMatchObject({ silence: { state: "away" } });
    expect(await askFor(harness, 150)).toMatchObject({ silence: { state: "away" } });
  });

  it("is none after three that were for nothing, and says so", async () => {
    const harness = await startedWith(501);
    harness.quotaService.hang = true;
    for (let round = 0; round < 3; round += 1) await askFor(harness, 150);
    expect(await askFor(harness, 0)).toMatchObject({ silence: { state: "skipped" } });
  });
});
