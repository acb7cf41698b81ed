import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { UsageEventSchema } from "@penstock/api";
import { confirmedKey, openBus, usageSubject } from "@penstock/bus";
import type { Bus, StreamMessage } from "@penstock/bus";
import { openDatabaseServer } from "@penstock/database";
import type { DatabaseServer } from "@penstock/database";
import { silentObservability } from "@penstock/observability";
import { createQuotaService, readQuotaConfig } from "@penstock/quota";
import type { QuotaDefinition, QuotaService } from "@penstock/quota";
import { newUuidV7, systemClock } from "@penstock/runtime";
import { createTelemetryService, readTelemetryConfig } from "@penstock/telemetry";
import type { TelemetryService } from "@penstock/telemetry";
import { serverLane, startNats, startPostgres } from "@penstock/test-support";
import type { NatsServer, PostgresServer } from "@penstock/test-support";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

// Two of each service on one stream and one database, while their connections are killed.

const observability = silentObservability();
const routers = ["ra", "rb", "rc"];
const eventsOfEach = 400;
const total = BigInt(routers.length * eventsOfEach);
const costNanoUsd = 7n;

const budget: QuotaDefinition = {
  name: "budgets/b",
  kind: "budget",
  unit: "nano_usd",
  amount: 1_000_000n,
  period: "month",
  timeZone: "UTC",
  keyFor: () => "budgets/b",
};
const configuration = {
  current: () => ({ revision: 1n, quotas: new Map([["budgets/b", budget]]) }),
};
const prices = { current: () => undefined, onChange: () => () => undefined };

interface Tables {
  readonly "quota.accounts": { readonly posted: bigint; readonly overshoot: bigint };
  readonly "quota.transfers": { readonly id: string };
  readonly "telemetry.records": { readonly request_id: string };
  readonly "telemetry.rollups_by_tier": {
    readonly requests: bigint;
    readonly cost_nano_usd: bigint;
  };
  readonly pg_stat_activity: { readonly pid: number; readonly application_name: string };
}

describeReplicas();

function describeReplicas(): void {
  const [nats, postgres] = [serverLane("nats"), serverLane("postgres")];
  nats.describe("with NATS", () => postgres.describe("two of each service", suite));
}

function suite(): void {
  let postgres: PostgresServer;
  let nats: NatsServer;
  let observer: DatabaseServer;
  let db: ReturnType<typeof observer.connect<Tables>>;
  let catalog: ReturnType<typeof observer.connect<Tables>>;
  let observerBus: Bus;
  const closers: (() => Promise<void>)[] = [];
  const quotas: QuotaService[] = [];
  const telemetries: TelemetryService[] = [];

  async function openReplica(url: string) {
    const { logger } = observability;
    const database = await openDatabaseServer({ url, dataDir: "unused", logger });
    const bus = await openBus({ url: nats.url, name: "replica", clock: systemClock, logger });
    closers.unshift(async () => {
      await bus.close();
      await database.close();
    });
    return { clock: systemClock, bus, database, observability };
  }

  beforeAll(async () => {
    [postgres, nats] = await Promise.all([startPostgres(), startNats()]);
    const url = await postgres.createDatabase("replicas");
    ({ database: observer, bus: observerBus } = await openReplica(url));
    db = observer.connect<Tables>("public");
    catalog = observer.connect<Tables>("pg_catalog");
    for (let number = 0; number < 2; number += 1) {
      const parts = await openReplica(url);
      const config = readQuotaConfig({});
      quotas.push(await createQuotaService({ ...parts, config, configuration }));
      telemetries.push(
        await createTelemetryService({
          ...parts,
          config: readTelemetryConfig({}),
          configuration: prices,
        }),
      );
    }
    await Promise.all([...quotas, ...telemetries].map((service) => service.start()));
  });
  afterAll(async () => {
    await Promise.all([...quotas, ...telemetries].map((one) => one[Symbol.asyncDispose]()));
    for (const close of closers) await close();
    await Promise.all([postgres?.stop(), nats?.stop()]);
  });

  /** Ends the sessions with this name; gives how many there were. */
  async function killSessions(name: string): Promise<number> {
    const rows = await catalog
      .selectFrom("pg_stat_activity")
      .select(({ fn, ref }) => fn<boolean>("pg_terminate_backend", [ref("pid")]).as("ended"))
      .where("application_name", "=", name)
      .execute();
    return rows.length;
  }

  describe("on one stream and one database", () => {
    it("take each event once and confirm up to the last, never backwards", async () => {
      const confirmed = new Map<string, bigint[]>();
      const watch = await observerBus.confirmed.watch({
        onEntry: ({ key, value }) => {
          const values = confirmed.get(key) ?? [];
          confirmed.set(key, values);
          values.push(Buffer.from(value).readBigUInt64BE());
        },
      });
      const messages = makeMessages(1n);
      for (let at = 0; at < messages.length; at += 100) {
        const results = await observerBus.usage.publish(messages.slice(at, at + 100));
        expect(results.every(({ ok }) => ok)).toBe(true);
        if (at === 300) expect(await killSessions("penstock-quota")).toBeGreaterThan(0);
        if (at === 600) expect(await killSessions("penstock-telemetry")).toBeGreaterThan(0);
      }
      const keys = ["quota", "telemetry"].flatMap((name) => routers.map((r) => `${name}.${r}.1`));
      await vi.waitFor(() => {
        for (const key of keys) expect(confirmed.get(key)?.at(-1)).toBe(BigInt(eventsOfEach));
      });
      await watch.close();
      for (const values of confirmed.values()) {
        expect(values).toEqual(values.toSorted((a, b) => (a < b ? -1 : 1)));
      }
      await expectOnce(total);
    });

    it("take what came while PostgreSQL was killed, once it is back", async () => {
      const messages = makeMessages(2n);
      const publish = async (from: number, to: number): Promise<void> => {
        const results = await observerBus.usage.publish(messages.slice(from, to));
        expect(results.every(({ ok }) => ok)).toBe(true);
      };
      await publish(0, 500);
      await postgres.kill();
      await publish(500, messages.length);
      await vi.waitFor(() => {
        for (const { health } of [...quotas, ...telemetries]) expect(health.ready()).toBe(false);
      });
      await postgres.restart();
      await vi.waitFor(async () => {
        for (const consumer of ["quota", "telemetry"]) {
          for (const router of routers) {
            const entry = await observerBus.confirmed.get(confirmedKey(consumer, router, 2n));
            const value = Buffer.from(entry?.value ?? new Uint8Array(8)).readBigUInt64BE();
            expect(value).toBe(BigInt(eventsOfEach));
          }
        }
      });
      await vi.waitFor(() => {
        for (const { health } of [...quotas, ...telemetries]) expect(health.ready()).toBe(true);
      });
      await expectOnce(2n * total);
    });

    it("sweep one at a time, and the other goes on when a session dies", async () => {
      const name = "penstock-quota-lock";
      await vi.waitFor(async () => expect(await countSessions(name)).toBe(1), 5_000);
      expect(await killSessions(name)).toBe(1);
      await vi.waitFor(async () => expect(await countSessions(name)).toBe(1), 5_000);
    });
  });

  async function countSessions(name: string): Promise<number> {
    const query = catalog.selectFrom("pg_stat_activity").select("pid");
    return (await query.where("application_name", "=", name).execute()).length;
  }

  async function expectOnce(count: bigint): Promise<void> {
    const transfers = await db.selectFrom("quota.transfers").select("id").execute();
    expect(transfers).toHaveLength(Number(count));
    const accounts = await db
      .selectFrom("quota.accounts")
      .select(["posted", "overshoot"])
      .execute();
    expect(accounts).toEqual([{ posted: count * costNanoUsd, overshoot: 0n }]);
    const records = await db.selectFrom("telemetry.records").select("request_id").execute();
    expect(records).toHaveLength(Number(count));
    const rollups = await db
      .selectFrom("telemetry.rollups_by_tier")
      .select(["requests", "cost_nano_usd"])
      .execute();
    const sum = rollups.reduce((requests, row) => requests + row.requests, 0n);
    const cost = rollups.reduce((money, row) => money + row.cost_nano_usd, 0n);
    expect([sum, cost]).toEqual([count, count * costNanoUsd]);
  }
}

/** Events of all routers in a mixed order; every tenth comes twice, under two ids of the stream. */
function makeMessages(epoch: bigint): StreamMessage[] {
  const startTime = timestampFromMs(Date.UTC(2026, 10, 2));
  const messages = routers.flatMap((replica, router) =>
    Array.from({ length: eventsOfEach }, (_, index) => {
      const event = create(UsageEventSchema, {
        requestId: newUuidV7(),
        replica,
        epoch,
        sequence: BigInt(index + 1),
        revision: 1n,
        model: "m",
        startTime,
        costNanoUsd,
        charges: [{ quota: "budgets/b", settled: costNanoUsd, periodStartTime: startTime }],
      });
      const payload = toBinary(UsageEventSchema, event);
      const message = { id: event.requestId, subject: usageSubject(replica), payload };
      const twin = { ...message, id: `${event.requestId}-again` };
      // Near each other as a router sends them, and yet not in order.
      const place = index + ((index * 37 + router * 11) % 53);
      return { place, copies: index % 10 === 0 ? [message, twin] : [message] };
    }),
  );
  return messages.toSorted((a, b) => a.place - b.place).flatMap(({ copies }) => copies);
}
