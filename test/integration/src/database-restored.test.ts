import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { UsageEventSchema } from "@penstock/api";
import { confirmedKey, createMemoryBus } from "@penstock/bus";
import type { Bus } from "@penstock/bus";
import { keepSchemas, openTestDatabase } from "@penstock/database/testing";
import type { KeptSchemas } from "@penstock/database/testing";
import { recordingObservability } from "@penstock/observability";
import { createQuotaService } from "@penstock/quota";
import { Spool, UsageEmitter } from "@penstock/router/testing";
import { ManualClock, newUuidV7, systemClock } from "@penstock/runtime";
import { createTelemetryService } from "@penstock/telemetry";
import { afterEach, describe, expect, it, vi } from "vitest";

const quota = "budgets/b";
const budget = {
  name: quota,
  kind: "budget",
  unit: "nano_usd",
  amount: 1_000n,
  period: "month",
  timeZone: "UTC",
  keyFor: () => quota,
} as const;
const consumers = ["quota", "telemetry"] as const;
const replica = "r";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A router's spool, quota and telemetry on one bus; time passes for the router and the bus. */
async function setUp(segmentBytes: number) {
  const clock = new ManualClock(systemClock.wallMs());
  const bus = createMemoryBus({ clock });
  const database = await openTestDatabase();
  const observability = recordingObservability();
  const rest = { clock: systemClock, bus, database, observability };
  const services = [
    await createQuotaService({
      config: { transferRetentionDays: 400 },
      configuration: { current: () => ({ revision: 1n, quotas: new Map([[quota, budget]]) }) },
      ...rest,
    }),
    await createTelemetryService({
      config: { usageRetentionDays: 400 },
      configuration: { current: () => undefined, onChange: () => () => undefined },
      ...rest,
    }),
  ];
  for (const service of services) await service.start();
  const folder = mkdtempSync(`${tmpdir()}/restored-`);
  const spool = Spool.open({ folder, replica, clock, observability, segmentBytes });
  const emitter = new UsageEmitter({ spool, bus, replica, clock, observability });
  await emitter.start();
  cleanups.push(async () => {
    await emitter.close();
    await spool.close();
    for (const service of services) await service.drain(5_000);
    await bus.close();
    await database.close();
    rmSync(folder, { recursive: true });
  });
  const kept = keepSchemas(database, consumers);
  return { clock, bus, spool, observability, kept };
}

/** One request, which costs a nano-dollar. */
function serve(spool: Spool): void {
  const requestId = newUuidV7();
  const sequence = spool.nextSequence();
  const startTime = timestampFromMs(systemClock.wallMs());
  const charges = [{ quota, settled: 1n, periodStartTime: startTime, unleased: true }];
  const { epoch } = spool;
  const fields = { requestId, replica, epoch, sequence, startTime, charges };
  const payload = toBinary(UsageEventSchema, create(UsageEventSchema, fields));
  spool.final({ requestId, payload, sequence }, { onSpooled: () => undefined });
}

async function serveMany(spool: Spool, count: number): Promise<void> {
  for (let served = 0; served < count; served += 1) {
    serve(spool);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function confirmedOf(bus: Bus, epoch: bigint): Promise<bigint[]> {
  const entries = await Promise.all(
    consumers.map((consumer) => bus.confirmed.get(confirmedKey(consumer, replica, epoch))),
  );
  return entries.map((entry) =>
    entry === undefined ? 0n : Buffer.from(entry.value).readBigUInt64BE(),
  );
}

type Rig = Awaited<ReturnType<typeof setUp>>;

async function expectConfirmed({ bus, clock, spool }: Rig, sequence: bigint, stepMs = 20) {
  await vi.waitFor(
    async () => {
      clock.advance(stepMs);
      expect(await confirmedOf(bus, spool.epoch)).toEqual([sequence, sequence]);
    },
    { timeout: 10_000, interval: 20 },
  );
}

/** How many requests are charged, and how many have a record. */
async function countsOf(kept: KeptSchemas): Promise<unknown> {
  const charged = await kept.count("quota", "transfers");
  const recorded = await kept.count("telemetry", "records");
  return { charged, recorded };
}

function missingIn({ observability }: Rig): unknown[] {
  return observability.lines.flatMap((line) => line["missing"] ?? []);
}

describe("a database that was set back", { timeout: 60_000 }, () => {
  it("gets again all that is still in the spool, when it lost its last commits", async () => {
    const rig = await setUp(16 * 1024 * 1024);
    await serveMany(rig.spool, 20);
    await expectConfirmed(rig, 20n);
    await rig.kept.keep();
    await serveMany(rig.spool, 20);
    await expectConfirmed(rig, 40n);
    await rig.kept.restore();
    await serveMany(rig.spool, 5);
    await expectConfirmed(rig, 45n, 2_000);
    expect(await countsOf(rig.kept)).toEqual({ charged: 45n, recorded: 45n });
    expect(missingIn(rig)).toEqual([]);
  });

  it("goes on without what the router has deleted, says so, and confirms again", async () => {
    const rig = await setUp(2_000);
    await serveMany(rig.spool, 40);
    await expectConfirmed(rig, 40n);
    await rig.kept.keep();
    await serveMany(rig.spool, 80);
    await expectConfirmed(rig, 120n);
    const first = rig.spool.segments.of(rig.spool.epoch)[0]?.firstSequence ?? 0n;
    expect(first).toBeGreaterThan(41n);
    await rig.kept.restore();
    await serveMany(rig.spool, 5);
    await expectConfirmed(rig, 125n, 2_000);
    const missing = first - 41n;
    const left = 125n - missing;
    expect(await countsOf(rig.kept)).toEqual({ charged: left, recorded: left });
    expect(missingIn(rig)).toEqual([String(missing), String(missing)]);
    await serveMany(rig.spool, 5);
    await expectConfirmed(rig, 130n);
  });
});
