import { AssertionError } from "node:assert";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { GrantStatus, LeaseMode } from "@penstock/api";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Harness, quota, use, wait } from "./lease-book.fixture.ts";
import type { QuotaRefused, Reserved } from "./lease-book.ts";

describe("LeaseBook and LeaseSync", () => {
  it("admits exactly the limit when 50 requests race for room of 10, with few calls", async () => {
    const harness = new Harness();
    harness.quotaService.limits.set("limits/ten", 10);
    harness.sync.start();
    await harness.settleDown();
    const ten = quota("limits/ten", { amount: 10n });
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => harness.ask([use(ten)])));
    expect(outcomes.map(({ kind }) => kind)).toEqual([
      ...Array.from({ length: 10 }, () => "reserved"),
      ...Array.from({ length: 40 }, () => "refused"),
    ]);
    const refused = outcomes.at(-1) as QuotaRefused;
    expect(refused.cause).toBe("exhausted");
    expect(refused.resetTimeMs).toBe(harness.clock.wallMs() + 70_000);
    expect(harness.quotaService.requests.length).toBeLessThanOrEqual(4);
  });

  it("believes 'exhausted' for 250 ms, but not once the limit was raised", async () => {
    const harness = new Harness();
    harness.quotaService.limits.set("limits/one", 1);
    harness.sync.start();
    const one = quota("limits/one", { amount: 1n });
    expect((await harness.ask([use(one)])).kind).toBe("reserved");
    expect((await harness.ask([use(one)])).kind).toBe("refused");
    const calls = harness.quotaService.requests.length;
    expect(harness.book.reserve([use(one)]).kind).toBe("refused");
    expect(harness.quotaService.requests.length).toBe(calls);
    harness.quotaService.limits.set("limits/one", 2);
    const raised = quota("limits/one", { amount: 2n, revision: 2n });
    expect((await harness.ask([use(raised)])).kind).toBe("reserved");
    expect((await harness.ask([use(raised)])).kind).toBe("refused");
    harness.clock.advance(250);
    expect(harness.book.reserve([use(raised)]).kind).toBe("wait");
  });

  it("holds nothing when one of several quotas has no room", async () => {
    const harness = new Harness();
    harness.quotaService.limits.set("limits/a", 5);
    harness.sync.start();
    const [a, b] = [quota("limits/a"), quota("limits/b")];
    const outcome = (await harness.ask([use(a, 5), use(b)])) as QuotaRefused;
    expect(outcome).toMatchObject({ kind: "refused", cause: "exhausted" });
    expect(outcome.use.key).toBe("limits/b");
    expect((await harness.ask([use(a, 5)])).kind).toBe("reserved");
  });

  it("settles once, with lease, epoch and period, and gives back what was not used", async () => {
    const harness = new Harness();
    harness.quotaService.limits.set("limits/t", 100);
    harness.sync.start();
    const tokens = quota("limits/t", { unit: "tokens" });
    const outcome = (await harness.ask([use(tokens, 100)])) as Reserved;
    const [charge] = harness.book.settle(outcome.reservation, [40]);
    expect(charge).toMatchObject({
      quota: "limits/t",
      leaseId: "limits/t@1",
      leaseEpoch: 7n,
      reserved: 100n,
      settled: 40n,
      unleased: false,
    });
    expect(() => harness.book.settle(outcome.reservation, [40])).toThrow(AssertionError);
    expect(() => harness.book.void(outcome.reservation)).toThrow(AssertionError);
    expect(harness.book.estimateRoom(use(tokens))).toBe(60);
    expect(harness.book.reserve([use(tokens, 60)]).kind).toBe("reserved");
  });

  it("gives a lease back that nobody uses, and borrows no other ahead of need", async () => {
    const harness = new Harness();
    const { clock, quotaService } = harness;
    Object.assign(quotaService, { mode: LeaseMode.BULK, lifeMs: 30_000 });
    quotaService.limits.set("budgets/b", 1_000_000);
    harness.sync.start();
    const budget = quota("budgets/b", { kind: "budget", unit: "nano_usd", period: "day" });
    const outcome = (await harness.ask([use(budget, 10)])) as Reserved;
    harness.book.settle(outcome.reservation, [10]);
    const lentAfter = async (seconds: number) => {
      for (let second = 0; second < seconds; second += 1) {
        clock.advance(1_000);
        await harness.settleDown();
      }
      return quotaService.lent.get("budgets/b");
    };
    expect(await lentAfter(8)).toBeGreaterThan(10);
    expect(await lentAfter(4)).toBe(10);
    expect(await lentAfter(30)).toBe(10);
  });

  it("gives back a rest that is too small for who asks, so that rests can make a request", async () => {
    const harness = new Harness();
    const { clock, quotaService } = harness;
    quotaService.limits.set("budgets/b", 15);
    harness.sync.start();
    const budget = quota("budgets/b", { kind: "budget", unit: "nano_usd", period: "day" });
    const first = (await harness.ask([use(budget, 10)])) as Reserved;
    harness.book.settle(first.reservation, [10]);
    const lent: (number | undefined)[] = [];
    for (let turn = 0; turn < 20; turn += 1) {
      expect((await harness.ask([use(budget, 10)])).kind).toBe("refused");
      clock.advance(200);
      await harness.settleDown();
      lent.push(quotaService.lent.get("budgets/b"));
    }
    expect(lent).toContain(10);
  });

  it("lends ahead in bulk mode, so that only the first request waits", async () => {
    const harness = new Harness();
    harness.quotaService.mode = LeaseMode.BULK;
    harness.quotaService.limits.set("limits/b", 1_000_000);
    harness.sync.start();
    const bulk = quota("limits/b", { amount: 1_000_000n });
    let waited = 0;
    for (let second = 0; second < 8; second += 1) {
      for (let request = 0; request < 20; request += 1) {
        const outcome = harness.book.reserve([use(bulk)]);
        if (outcome.kind === "wait") {
          waited += 1;
          await harness.ask([use(bulk)]);
        } else if (outcome.kind === "reserved") harness.book.settle(outcome.reservation, [1]);
        harness.clock.advance(50);
        await harness.settleDown();
      }
    }
    expect(waited).toBeLessThanOrEqual(12);
  });

  it("sends a failed sync again as it was and then goes on with the next number", async () => {
    const harness = new Harness();
    harness.quotaService.down = true;
    harness.sync.start();
    await harness.settleDown();
    harness.quotaService.down = false;
    harness.clock.advance(150);
    await harness.settleDown();
    const [first, second] = harness.quotaService.requests;
    expect(second).toBe(first);
    expect(first?.retiredEpochs).toMatchObject([{ epoch: 6n, lastSequence: 11n }]);
    expect(harness.sync.reached).toBe(true);
    harness.quotaService.limits.set("limits/a", 1);
    await harness.ask([use(quota("limits/a"))]);
    expect(harness.quotaService.requests.at(-1)?.sequence).toBe(2n);
  });

  it("lets each quota's rule decide when quota does not answer", async () => {
    const harness = new Harness();
    harness.quotaService.hang = true;
    harness.sync.start();
    const deny = quota("limits/deny");
    const capped = quota("limits/capped", { onUnavailable: "allow_capped", amount: 40n });
    const allow = quota("limits/allow", { onUnavailable: "allow" });
    const denied = harness.ask([use(deny)]);
    const mixed = harness.ask([use(allow), use(capped, 2)]);
    harness.clock.advance(149);
    await harness.settleDown();
    harness.clock.advance(1);
    expect(await denied).toMatchObject({ kind: "refused", cause: "unavailable" });
    const reserved = (await mixed) as Reserved;
    const charges = harness.book.settle(reserved.reservation, [1, 2]);
    expect(charges.map(({ unleased }) => unleased)).toEqual([true, true]);
    expect(charges[0]?.periodStartTime).toEqual(timestampFromMs(1_767_225_600_000));
    const third = harness.ask([use(capped)]);
    harness.clock.advance(150);
    expect(await third).toMatchObject({ kind: "refused", cause: "unavailable" });
  });

  it("keeps a small limit exact while quota is slow, and lets a little pass once it is away", async () => {
    const harness = new Harness();
    harness.quotaService.hang = true;
    harness.sync.start();
    const five = quota("limits/five", { onUnavailable: "allow_capped", amount: 5n });
    const outcomes: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      const asked = harness.ask([use(five)]);
      harness.clock.advance(150);
      outcomes.push((await asked).kind);
    }
    // The third unanswered wait in a row says that quota is away; one request may pass then.
    expect(outcomes).toEqual(["refused", "refused", "refused", "reserved"]);
    const more = harness.ask([use(five)]);
    harness.clock.advance(150);
    expect((await more).kind).toBe("refused");
  });

  it("does not take an answer to others for a refusal of one who came later", async () => {
    const harness = new Harness();
    harness.sync.start();
    await harness.settleDown();
    harness.quotaService.limits.set("limits/five", 5);
    const { promise, resolve } = Promise.withResolvers<void>();
    harness.quotaService.gate = promise;
    const five = quota("limits/five", { amount: 5n });
    const early = harness.ask([use(five)]);
    await harness.settleDown();
    const late = harness.ask([use(five)]);
    harness.quotaService.hang = true;
    resolve();
    expect((await early).kind).toBe("reserved");
    harness.clock.advance(500);
    expect(await late).toMatchObject({ kind: "refused", cause: "unavailable" });
  });

  it("stops making requests wait once quota has been silent for long", async () => {
    const harness = new Harness();
    harness.quotaService.hang = true;
    harness.sync.start();
    const allow = quota("limits/allow", { onUnavailable: "allow" });
    for (let round = 0; round < 3; round += 1) {
      const outcome = harness.ask([use(allow)]);
      harness.clock.advance(150);
      await outcome;
    }
    const outcome = harness.ask([use(allow)]);
    harness.clock.advance(0);
    expect((await outcome).kind).toBe("reserved");
  });

  it("uses a small allowance while quota does not know the quota yet, and none for money", async () => {
    const harness = new Harness();
    harness.quotaService.status = GrantStatus.NOT_YET;
    harness.sync.start();
    const requests = quota("limits/r");
    const money = quota("budgets/m", { kind: "budget", unit: "nano_usd", period: "day" });
    for (let count = 0; count < 10; count += 1) {
      expect((await harness.ask([use(requests)])).kind).toBe("reserved");
    }
    expect(await harness.ask([use(requests)])).toMatchObject({ cause: "unavailable" });
    expect(await harness.ask([use(money, 5)])).toMatchObject({ cause: "unavailable" });
  });

  it("asks for no lease of a quota that is gone, and charges nothing", async () => {
    const harness = new Harness();
    harness.quotaService.status = GrantStatus.GONE;
    harness.sync.start();
    const outcome = (await harness.ask([use(quota("limits/gone"))])) as Reserved;
    expect(harness.book.settle(outcome.reservation, [1])).toEqual([]);
  });

  it("stops using a lease that was revoked, expired or whose slot is over", async () => {
    const harness = new Harness();
    harness.quotaService.limits.set("limits/a", 1_000);
    harness.sync.start();
    const a = quota("limits/a", { amount: 1_000n, unit: "tokens" });
    const hold = async (): Promise<void> => {
      const outcome = (await harness.ask([use(a, 50)])) as Reserved;
      harness.book.settle(outcome.reservation, [10]);
    };
    await hold();
    expect(harness.book.reserve([use(a, 1)]).kind).toBe("reserved");
    harness.quotaService.down = true;
    harness.clock.advance(9_500);
    await harness.settleDown();
    expect(harness.book.reserve([use(a, 1)]).kind).toBe("wait");
    harness.quotaService.down = false;
    harness.clock.advance(2_000);
    await harness.settleDown();
    await hold();
    expect(harness.book.estimateRoom(use(a))).toBe(40);
    harness.quotaService.revoke = ["limits/a@2"];
    await harness.ask([use(quota("limits/other"))]);
    expect(harness.book.reserve([use(a, 1)]).kind).toBe("wait");
  });

  it("admits nothing on quotas once a later life of the holder has begun elsewhere", async () => {
    const harness = new Harness();
    const { clock, book, sync, quotaService } = harness;
    const generous = quota("limits/l", { onUnavailable: "allow" });
    quotaService.limits.set(generous.name, 100);
    quotaService.mode = LeaseMode.BULK;
    const fenced: bigint[] = [];
    sync.onFenced = (epoch) => fenced.push(epoch);
    sync.start();
    expect((await harness.ask([use(generous)])).kind).toBe("reserved");
    expect((await harness.ask([use(generous)])).kind).toBe("reserved");
    const calls = quotaService.requests.length;
    quotaService.newestEpoch = 8n;
    // Also a holder that has nothing to say hears of it.
    for (let second = 0; second < 12; second += 1) {
      clock.advance(1_100);
      await harness.settleDown();
    }
    expect(quotaService.requests.length).toBeGreaterThan(calls);
    expect(fenced).toEqual([8n]);
    expect(await harness.ask([use(generous)])).toMatchObject({
      kind: "refused",
      cause: "unavailable",
    });
    expect(book.attemptUnavailable([use(generous)], book.now(), true).kind).toBe("refused");
    expect((await harness.ask([])).kind).toBe("reserved");
  });

  it("is not moved by jumps of the wall clock", async () => {
    const harness = new Harness();
    harness.quotaService.limits.set("limits/a", 10);
    harness.sync.start();
    const a = quota("limits/a");
    await harness.ask([use(a, 10)]).then((outcome) => {
      if (outcome.kind === "reserved") harness.book.void(outcome.reservation);
    });
    for (const jumpMs of [3_600_000, -3_600_000]) {
      harness.clock.setWall(harness.clock.wallMs() + jumpMs);
      const outcome = harness.book.reserve([use(a, 10)]);
      expect(outcome.kind).toBe("reserved");
      if (outcome.kind === "reserved") harness.book.void(outcome.reservation);
    }
  });

  it("gives its leases back on drain and ends what waits", async () => {
    const harness = new Harness();
    harness.quotaService.limits.set("limits/a", 10);
    harness.sync.start();
    await harness.ask([use(quota("limits/a"), 4)]);
    await harness.sync.drain(1_000);
    expect(harness.returned).toMatchObject([
      { holder: "r/0", epoch: 7n, reports: [{ spent: 0n, reserved: 4n, closed: true }] },
    ]);
  });

  it("goes on after an answer that it can't use", async () => {
    const harness = new Harness();
    harness.quotaService.limits.set("limits/ten", 10);
    harness.sync.start();
    await harness.settleDown();
    const ten = quota("limits/ten", { amount: 10n });
    expect(harness.book.reserve([use(ten)]).kind).toBe("wait");
    const onGrantSettled = (): void => {
      throw new Error("planted");
    };
    harness.book.waitForGrant([use(ten)], wait, { onGrantSettled });
    await harness.settleDown();
    expect((await harness.ask([use(ten)])).kind).toBe("reserved");
  });

  it("never uses more than the limit within a slot, and leaks nothing", async () => {
    const step = fc.record({
      amount: fc.integer({ min: 1, max: 6 }),
      actual: fc.integer({ min: 0, max: 6 }),
      pauseMs: fc.integer({ min: 0, max: 400 }),
    });
    const check = async (steps: { amount: number; actual: number; pauseMs: number }[]) => {
      const harness = new Harness();
      harness.quotaService.limits.set("limits/p", 20);
      harness.sync.start();
      const p = quota("limits/p", { unit: "tokens", amount: 20n });
      let used = 0;
      for (const { amount, actual, pauseMs } of steps) {
        const outcome = await harness.ask([use(p, amount)]);
        if (outcome.kind === "reserved") {
          const taken = Math.min(actual, amount);
          harness.book.settle(outcome.reservation, [taken]);
          used += taken;
          expect(used).toBeLessThanOrEqual(20);
        }
        harness.clock.advance(pauseMs);
        await harness.settleDown();
      }
      harness.clock.advance(2_500);
      await harness.settleDown();
      harness.clock.advance(2_500);
      await harness.settleDown();
      expect(harness.quotaService.lent.get("limits/p") ?? 0).toBe(used);
    };
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), check), {
      numRuns: 60,
    });
  });
});
