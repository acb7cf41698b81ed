import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { UsageEventSchema } from "@penstock/api";
import type { SyncLeasesResponse } from "@penstock/api";
import { createMemoryBus } from "@penstock/bus";
import type { ConfigBucket, DeliveryOutcome } from "@penstock/bus";
import type { DatabaseServer } from "@penstock/database";
import { quotaKey } from "@penstock/limits";
import { silentObservability } from "@penstock/observability";
import { ManualClock, newUuidV7, systemClock } from "@penstock/runtime";
import { sql } from "kysely";
import type { Kysely } from "kysely";
import { onTestFinished } from "vitest";

import { findInstance } from "../../api/get-balance.ts";
import { UsageConsumer } from "../../consumers/usage-consumer.ts";
import { createQuotaEvents } from "../../events.ts";
import { balanceOf } from "../../ledger/balance.ts";
import type { Balance } from "../../ledger/balance.ts";
import type { QuotaDefinition } from "../../ledger/quota-rule.ts";
import { migrateLedger } from "../migrate-ledger.ts";
import type { QuotaTables } from "../schema.ts";
import { SyncQueue } from "../../leases/sync-queue.ts";
import { prune, sweepLeases } from "../../leases/sweeper.ts";
import type { Sync, Want } from "../../leases/sync.ts";
import { currentAccounts } from "../balance-store.ts";

/** A limit per minute for tests. */
export function limit(name: string, amount: bigint): QuotaDefinition {
  const unit = "requests" as const;
  return {
    name,
    kind: "limit",
    unit,
    amount,
    period: "minute",
    timeZone: "UTC",
    keyFor: (user) => quotaKey(name, user === "" ? {} : { end_user: user }),
  };
}

/** A budget per day for tests. */
export function budget(name: string, amount: bigint, timeZone = "UTC"): QuotaDefinition {
  const keyFor = (): string => name;
  const unit = "nano_usd" as const;
  return { name, kind: "budget", unit, amount, period: "day", timeZone, keyFor };
}

/** A configuration that a test changes as it likes. */
export class TestConfiguration {
  revision = 1n;
  readonly quotas = new Map<string, QuotaDefinition>();

  constructor(...definitions: QuotaDefinition[]) {
    for (const definition of definitions) this.quotas.set(definition.name, definition);
  }

  current() {
    return this;
  }
}

/** One wish. */
export function want(quota: string, needed: bigint, options: Partial<Want> = {}): Want {
  return { quota, needed, wanted: 0n, largestReservation: 1n, demandPerSecond: 0, ...options };
}

/** A sync with the parts that a test does not care about filled in. */
export function sync(parts: Partial<Sync> & Pick<Sync, "holder" | "sequence">): Sync {
  return { epoch: 1n, reports: [], wants: [], retiredEpochs: [], revision: 1n, ...parts };
}

/** A usage event with charges, as its bytes. */
export function usageEvent(
  id: EventIdentity,
  charges: readonly TestCharge[],
  requestId = newUuidV7(),
): Uint8Array {
  const event = create(UsageEventSchema, {
    requestId,
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203331",
    sampled: true,
    replica: id.replica,
    epoch: id.epoch ?? 1n,
    revision: id.revision ?? 0n,
    sequence: id.sequence,
    charges: charges.map(({ atMs, ...charge }) => ({
      ...charge,
      ...(atMs === undefined ? {} : { periodStartTime: timestampFromMs(atMs) }),
    })),
  });
  return toBinary(UsageEventSchema, event);
}

/** A charge of a test; amounts not given are 0. */
export interface TestCharge {
  readonly quota: string;
  readonly settled: bigint;
  readonly leaseId?: string;
  readonly atMs?: number;
  readonly unleased?: boolean;
}

/** Id of the lease of the first grant. */
export function firstLease(answer: SyncLeasesResponse): string {
  return answer.grants[0]?.leaseId ?? "";
}

/** Removes the whole ledger, so that a test begins with none. */
export async function dropLedger(server: DatabaseServer): Promise<void> {
  const db = server.connect("quota");
  await sql`drop schema if exists quota cascade`.execute(db);
  await db.destroy();
}

/** The ledger alone, on a database, with a clock that stands still. */
export class TestLedger {
  readonly clock = new ManualClock(1_767_225_600_000 + 3_600_000);
  readonly db: Kysely<QuotaTables>;
  readonly configuration: TestConfiguration;
  readonly queue: SyncQueue;

  readonly confirmed = new Map<string, bigint>();
  readonly consumer: UsageConsumer;

  private constructor(db: Kysely<QuotaTables>, definitions: QuotaDefinition[]) {
    this.db = db;
    this.configuration = new TestConfiguration(...definitions);
    const { clock, configuration } = this;
    this.queue = new SyncQueue({ db, clock, configuration });
    const bus = createMemoryBus({ clock: systemClock });
    const put: ConfigBucket["put"] = async (key, value, options) => {
      const revision = await bus.confirmed.put(key, value, options);
      this.confirmed.set(key, Buffer.from(value).readBigUInt64BE());
      return revision;
    };
    const get = (key: string) => bus.confirmed.get(key);
    this.consumer = new UsageConsumer({
      db,
      bus: { usage: bus.usage, confirmed: { put, get } },
      clock,
      configuration,
      events: createQuotaEvents(silentObservability()),
    });
  }

  /** Gives its connections back; a test that makes many ledgers does so itself. */
  close(): Promise<void> {
    return this.db.destroy();
  }

  /** Another replica of the service, with a pool of its own into the same ledger. */
  replica(server: DatabaseServer): TestLedger {
    const twin = TestLedger.#closedWithTest(server.connect<QuotaTables>("quota"), []);
    for (const [name, rule] of this.configuration.quotas) twin.configuration.quotas.set(name, rule);
    return twin;
  }

  /** Hands events to the consumer as one batch. */
  deliver(...payloads: Uint8Array[]): Promise<DeliveryOutcome[]> {
    return this.deliverAgain(1, ...payloads);
  }

  /** The same for events that come for the n-th time. */
  deliverAgain(deliveryCount: number, ...payloads: Uint8Array[]): Promise<DeliveryOutcome[]> {
    const batch = payloads.map((payload, index) => ({
      id: String(index),
      subject: "usage.v1.a",
      payload,
      deliveryCount,
    }));
    return this.consumer.handle(batch);
  }

  /** Sweeps until nothing is due. */
  async sweep(): Promise<void> {
    const { db, clock, configuration } = this;
    const events = createQuotaEvents(silentObservability());
    while (await sweepLeases({ db, clock, configuration, events, transferRetentionDays: 400 }));
  }

  /** Deletes what nobody needs any more. */
  async prune(): Promise<void> {
    const { db, clock, configuration } = this;
    const events = createQuotaEvents(silentObservability());
    while (await prune({ db, clock, configuration, events, transferRetentionDays: 400 }));
  }

  /** The balance of an instance. */
  async balance(quota: string): Promise<Balance> {
    const nowMs = this.clock.wallMs();
    const instance = await findInstance(this, quota);
    return balanceOf(instance, await currentAccounts(this.db, [quota], nowMs), nowMs);
  }

  static async create(
    server: DatabaseServer,
    ...definitions: QuotaDefinition[]
  ): Promise<TestLedger> {
    await dropLedger(server);
    const db = server.connect<QuotaTables>("quota");
    await migrateLedger(db);
    return TestLedger.#closedWithTest(db, definitions);
  }

  /** A server has few connections to give; idle ones are kept for seconds. */
  static #closedWithTest(db: Kysely<QuotaTables>, definitions: QuotaDefinition[]): TestLedger {
    const ledger = new TestLedger(db, definitions);
    onTestFinished(() => ledger.close());
    return ledger;
  }
}

/** What numbers an event of a test. */
export interface EventIdentity {
  readonly replica: string;
  readonly epoch?: bigint;
  readonly sequence: bigint;
  readonly revision?: bigint;
}
