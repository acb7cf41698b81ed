import { toBinary } from "@bufbuild/protobuf";
import { LeaseMode, SyncLeasesRequestSchema } from "@penstock/api";
import type { SyncLeasesRequest } from "@penstock/api";
import type { ErrorReason } from "@penstock/errors";
import { GatewayError } from "@penstock/errors";
import { describe, expect, it } from "vitest";
import { Harness, quota, use } from "./lease-book.fixture.ts";
import type { Reserved } from "./lease-book.ts";

const quotasNamed = (count: number, pad = "") =>
  Array.from({ length: count }, (_, index) => quota(`limits/${pad}${index}`));

const refusal = (reason: ErrorReason) => new GatewayError(reason, "not like this");

/** With a lease of 1 on each quota, of which quota has heard nothing else. */
async function spendOnEach(harness: Harness, count: number): Promise<void> {
  const quotas = quotasNamed(count);
  for (const { name } of quotas) harness.quotaService.limits.set(name, 1);
  harness.sync.start();
  await harness.settleDown();
  for (const outcome of await harness.askEach(quotas)) {
    harness.book.settle((outcome as Reserved).reservation, [1]);
  }
}

async function pass(harness: Harness, seconds: number): Promise<void> {
  for (let tenth = 0; tenth < seconds * 10; tenth += 1) {
    harness.clock.advance(100);
    await harness.settleDown();
  }
}

describe("a sync that quota can't take", () => {
  it.each<ErrorReason>(["FAILED_PRECONDITION", "FIELD_INVALID", "REQUEST_TOO_LARGE"])(
    "is given up for a new one when quota says %s",
    async (reason) => {
      const harness = new Harness();
      const { quotaService } = harness;
      await spendOnEach(harness, 4);
      const refused: SyncLeasesRequest[] = [];
      quotaService.refuse = (request) => {
        if (refused.length > 0) return undefined;
        refused.push(request);
        return refusal(reason);
      };
      await pass(harness, 2);
      const later = quotaService.requests.slice(1 + quotaService.requests.indexOf(refused[0]!));
      expect(later[0]?.sequence).toBe((refused[0]?.sequence ?? 0n) + 1n);
      expect(refused[0]?.reports).toHaveLength(4);
      expect(later[0]?.reports).toHaveLength(2);
      expect([...quotaService.spent.values()]).toEqual([1, 1, 1, 1]);
    },
  );

  it("is made smaller until quota takes it, and all is said in the end", async () => {
    const harness = new Harness();
    await spendOnEach(harness, 100);
    const { quotaService } = harness;
    quotaService.refuse = ({ reports }) =>
      reports.length > 7 ? refusal("REQUEST_TOO_LARGE") : undefined;
    await pass(harness, 20);
    expect([...quotaService.spent.values()]).toEqual(Array.from({ length: 100 }, () => 1));
  });

  it("does not keep what is in order from being said", async () => {
    const harness = new Harness();
    await spendOnEach(harness, 20);
    const { quotaService } = harness;
    const isBad = (leaseId: string) => leaseId.startsWith("limits/3@");
    quotaService.refuse = ({ reports }) =>
      reports.some(({ leaseId }) => isBad(leaseId)) ? refusal("FIELD_INVALID") : undefined;
    await pass(harness, 30);
    const said = [...quotaService.spent].filter(([, spent]) => spent === 1);
    expect(said).toHaveLength(19);
    quotaService.limits.set("limits/new", 5);
    const asked = harness.ask([use(quota("limits/new"))]);
    await pass(harness, 1);
    expect((await asked).kind).toBe("reserved");
  });

  it("is sent again as it was after INTERNAL, which may be the connection's, but not for ever", async () => {
    const harness = new Harness();
    const { quotaService } = harness;
    await spendOnEach(harness, 8);
    const before = quotaService.requests.length;
    quotaService.refuse = () => refusal("INTERNAL");
    await pass(harness, 8);
    const after = quotaService.requests.slice(before, before + 6);
    const [first, , , second] = after;
    expect(after).toEqual([first, first, first, second, second, second]);
    expect([first, second].map((request) => request?.reports.length)).toEqual([8, 4]);
    expect(second?.sequence).toBe((first?.sequence ?? 0n) + 1n);
  });
});

describe("whether quota answers", () => {
  it("is told with the first failure, and when it answers again", async () => {
    const harness = new Harness();
    const { quotaService, sync } = harness;
    const told: boolean[] = [];
    sync.onAnswering = () => told.push(sync.isAnswering);
    quotaService.refuse = () => refusal("UNAVAILABLE");
    sync.start();
    await pass(harness, 10);
    expect(told).toEqual([false]);
    quotaService.refuse = () => undefined;
    await pass(harness, 10);
    expect(told).toEqual([false, true]);
    quotaService.refuse = () => refusal("UNAVAILABLE");
    await pass(harness, 10);
    expect(told).toEqual([false, true, false]);
  });
});

describe("a router that quota does not know", () => {
  it("says what is refused and what to do, until it is known", async () => {
    const harness = new Harness();
    const { quotaService, sync, observability } = harness;
    const told: (string | undefined)[] = [];
    sync.onAnswering = () => told.push(sync.refusedFor);
    const [one] = quotasNamed(1);
    quotaService.refuse = () => refusal("UNAVAILABLE");
    sync.start();
    await pass(harness, 5);
    quotaService.refuse = () => refusal("ADMIN_UNAUTHENTICATED");
    await pass(harness, 10);
    const waiting = harness.ask([use(one!)]);
    await pass(harness, 10);
    expect(await waiting).toMatchObject({ cause: "unavailable", silence: { state: "refused" } });
    const warnings = observability.lines.filter(({ level }) => level === "warn");
    expect(warnings).toMatchObject([
      { message: "quota does not answer" },
      { message: expect.stringMatching(/^quota refuses the lease syncs.*PENSTOCK_SERVICE_TOKEN/) },
    ]);
    expect(sync.isAnswering).toBe(false);
    quotaService.refuse = () => undefined;
    await pass(harness, 10);
    expect(told).toEqual([undefined, "ADMIN_UNAUTHENTICATED", undefined]);
    expect(sync.isAnswering).toBe(true);
  });
});

describe("a router whose epoch is too far ahead for quota", () => {
  it("says so once, with the way out, and goes on by itself once the clock is there", async () => {
    const harness = new Harness();
    const { quotaService, sync, observability } = harness;
    const told: boolean[] = [];
    sync.onEpochRefused = (refused) => told.push(refused);
    const [one] = quotasNamed(1);
    quotaService.limits.set(one!.name, 5);
    const fieldViolations = [{ field: "epoch", description: "must be at most a day ahead" }];
    const far = new GatewayError("FIELD_INVALID", "malformed", { fieldViolations });
    quotaService.refuse = () => far;
    sync.start();
    const waiting = harness.ask([use(one!)]);
    await pass(harness, 10);
    expect(await waiting).toMatchObject({ cause: "unavailable", silence: { state: "refused" } });
    const errors = observability.lines.filter(({ level }) => level === "error");
    expect(errors).toMatchObject([{ epoch: "7" }]);
    expect(JSON.stringify(errors)).toContain("PENSTOCK_REPLICA");
    expect(told).toEqual([true]);
    const refusals = quotaService.requests.length;
    quotaService.refuse = () => undefined;
    await pass(harness, 2);
    expect(told).toEqual([true, false]);
    // Nothing that was to be said was dropped: the first that is taken is the first that was sent.
    expect(quotaService.requests[refusals]).toEqual(quotaService.requests[0]);
    const again = harness.ask([use(one!)]);
    await pass(harness, 1);
    expect((await again).kind).toBe("reserved");
  });
});

describe("the size of a sync", () => {
  it("names former lives 1,000 at a time, each once", async () => {
    const epochs = Array.from({ length: 2_500 }, (_, index) => ({
      epoch: BigInt(index - 3_000),
      lastSequence: 1n,
    }));
    const harness = new Harness(epochs);
    harness.sync.start();
    await harness.settleDown();
    const told = harness.quotaService.requests.map(({ retiredEpochs }) => retiredEpochs);
    expect(told.map(({ length }) => length)).toEqual([1_000, 1_000, 500]);
    expect(told.flat().map(({ epoch }) => epoch)).toEqual(epochs.map(({ epoch }) => epoch));
  });

  it("stays below what quota reads, and nobody is left out", async () => {
    const harness = new Harness();
    const { quotaService } = harness;
    quotaService.mode = LeaseMode.BULK;
    harness.sync.start();
    await harness.settleDown();
    const quotas = quotasNamed(4_500, "ü".repeat(490));
    for (const { name } of quotas) quotaService.limits.set(name, 1);
    const outcomes = await harness.askEach(quotas);
    expect(outcomes.filter(({ kind }) => kind === "reserved")).toHaveLength(4_500);
    const sizes = quotaService.requests.map(
      (request) => toBinary(SyncLeasesRequestSchema, request).length,
    );
    expect(Math.max(...sizes)).toBeGreaterThan(2 * 1_024 * 1_024);
    expect(Math.max(...sizes)).toBeLessThan(4 * 1_024 * 1_024);
  });
});
