import { createClient } from "@connectrpc/connect";
import {
  BalanceService,
  GrantStatus,
  LeaseService,
  LedgerService,
  Role,
  TransferState,
} from "@penstock/api";
import { createMemoryBus, joinEvents } from "@penstock/bus";
import type { Bus } from "@penstock/bus";
import type { DatabaseServer } from "@penstock/database";
import { openTestDatabase } from "@penstock/database/testing";
import { recordingObservability } from "@penstock/observability";
import { createInProcessTransport } from "@penstock/rpc";
import type { Identity } from "@penstock/rpc";
import { Secret, newUuidV7, systemClock } from "@penstock/runtime";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

import {
  TestConfiguration,
  budget,
  dropLedger,
  limit,
  usageEvent,
} from "../storage/conformance/test-ledger.ts";
import { createQuotaService } from "../service.ts";
import type { QuotaService } from "../service.ts";

let database: DatabaseServer;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

let bus: Bus;
let service: QuotaService;
let observed: ReturnType<typeof recordingObservability>;
beforeEach(async () => {
  await dropLedger(database);
  bus = createMemoryBus({ clock: systemClock });
  observed = recordingObservability();
  service = await createQuotaService({
    config: { transferRetentionDays: 400 },
    clock: systemClock,
    bus,
    database,
    configuration: new TestConfiguration(
      budget("budgets/a", 1_000n),
      budget("budgets/b", 50n),
      limit("limits/l", 10n),
    ),
    observability: observed,
  });
  await service.start();
});
afterEach(async () => {
  await service.drain(5_000);
  await bus.close();
});

function transport(identity: Identity) {
  return createInProcessTransport(
    service.routes,
    { observability: observed, authenticate: () => Promise.resolve(identity) },
    { tracer: observed.tracer, token: new Secret("pat_test") },
  ).transport;
}

const admin: Identity = { kind: "admin", name: "operator", roles: [Role.ADMIN] };
const router: Identity = { kind: "service", name: "router", roles: [] };
const balances = () => createClient(BalanceService, transport(admin));
const ledger = () => createClient(LedgerService, transport(admin));
const leases = () => createClient(LeaseService, transport(router));

async function lend(quota: string, needed: bigint, sequence = 1n): Promise<string> {
  const wants = [{ quota, needed, largestReservation: 1n }];
  const answer = await leases().syncLeases({ holder: "r/0", epoch: 1n, sequence, wants });
  expect(answer.grants[0]?.status).toBe(GrantStatus.GRANTED);
  return answer.grants[0]?.leaseId ?? "";
}

async function publish(...payloads: Uint8Array[]): Promise<void> {
  const messages = payloads.map((payload) => ({
    id: newUuidV7(),
    subject: "usage.v1.r",
    payload,
  }));
  for (const result of await bus.usage.publish(messages)) expect(result.ok).toBe(true);
}

describe("the quota service", () => {
  it("lends, posts what the stream says, confirms it and lists it", async () => {
    const leaseId = await lend("budgets/a", 100n);
    const requestId = newUuidV7();
    const charges = [{ quota: "budgets/a", settled: 30n, leaseId }];
    await publish(usageEvent({ replica: "r", sequence: 1n }, charges, requestId));
    await vi.waitFor(async () => {
      const entry = await bus.confirmed.get("quota.r.1");
      expect(entry && Buffer.from(entry.value).readBigUInt64BE()).toBe(1n);
    });
    const { balance } = await balances().getBalance({ quota: "budgets/a" });
    expect(balance).toMatchObject({ limit: 1_000n, posted: 30n, available: 900n });
    const { transfers } = await ledger().listTransfers({ requestId });
    expect(transfers).toMatchObject([
      { id: requestId, quota: "budgets/a", amount: 30n, state: TransferState.POSTED, leaseId },
    ]);
    const span = observed.records.find((record) => record.name === "process usage.v1");
    expect(span?.links).toHaveLength(1);
  });

  it("posts each event of a message with several, and finds the trace of each", async () => {
    const spans = observed.records.length;
    const ids = [newUuidV7(), newUuidV7(), newUuidV7()];
    const charges = [{ quota: "budgets/a", settled: 7n }];
    const events = ids.map((id, index) =>
      usageEvent({ replica: "s", sequence: BigInt(index + 1) }, charges, id),
    );
    const noise = Uint8Array.of(0x0a, 0xff);
    await publish(joinEvents([...events.slice(0, 2), noise, ...events.slice(2)]));
    await vi.waitFor(async () => {
      const entry = await bus.confirmed.get("quota.s.1");
      expect(entry && Buffer.from(entry.value).readBigUInt64BE()).toBe(3n);
    });
    for (const requestId of ids) {
      const { transfers } = await ledger().listTransfers({ requestId });
      expect(transfers).toMatchObject([{ id: requestId, amount: 7n }]);
    }
    const links = observed.records.slice(spans).flatMap((record) => record.links ?? []);
    expect(links).toHaveLength(3);
  });

  it("takes leases back, also twice", async () => {
    const leaseId = await lend("budgets/b", 20n);
    const reports = [{ leaseId, spent: 0n, reserved: 0n }];
    for (let time = 0; time < 2; time += 1) {
      await leases().returnLeases({ holder: "r/0", epoch: 1n, reports });
    }
    const { balance } = await balances().getBalance({ quota: "budgets/b" });
    expect(balance).toMatchObject({ leased: 0n, available: 50n });
  });

  it("adjusts once for each request id, with the reason in the ledger", async () => {
    const request = {
      quota: "budgets/b",
      amount: -25n,
      reason: "goodwill",
      requestId: newUuidV7(),
    };
    const first = await ledger().createAdjustment(request);
    expect(await ledger().createAdjustment(request)).toEqual(first);
    const { balance } = await balances().getBalance({ quota: "budgets/b" });
    expect(balance).toMatchObject({ posted: -25n, available: 75n });
    const { transfers } = await ledger().listTransfers({ quota: "budgets/b" });
    expect(transfers).toMatchObject([{ reason: "goodwill", amount: -25n, actor: "operator" }]);
    const other = ledger().createAdjustment({ ...request, amount: 1n });
    await expect(other).rejects.toMatchObject({ reason: "FIELD_INVALID" });
    const charged = newUuidV7();
    const charges = [{ quota: "budgets/b", settled: 1n, leaseId: "" }];
    await publish(usageEvent({ replica: "r", sequence: 1n }, charges, charged));
    await vi.waitFor(async () => {
      const { transfers: found } = await ledger().listTransfers({ requestId: charged });
      expect(found).toHaveLength(1);
    }, 10_000);
    const taken = ledger().createAdjustment({ ...request, requestId: charged });
    await expect(taken).rejects.toMatchObject({
      fieldViolations: [{ field: "request_id" }],
    });
    const message = "a quota was adjusted";
    expect(observed.lines.filter((line) => line["message"] === message)).toHaveLength(1);
    expect(observed.lines.find((line) => line["message"] === message)?.["by"]).toBe("operator");
  });

  it("lists balances by key, also of what nobody has used", async () => {
    await lend("budgets/b", 20n);
    const keys: string[] = [];
    let pageToken = "";
    do {
      const page = await balances().listBalances({ pageSize: 2, pageToken });
      keys.push(...page.balances.map((balance) => balance.quota));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(keys).toEqual(["budgets/a", "budgets/b", "limits/l"]);
    const only = await balances().listBalances({ resource: "budgets/b" });
    expect(only.balances).toMatchObject([{ quota: "budgets/b", leased: 20n, available: 30n }]);
  });

  it("lists transfers newest first, page by page, loans among them", async () => {
    const leaseId = await lend("limits/l", 5n);
    for (let index = 0; index < 5; index += 1) {
      const requestId = newUuidV7();
      await ledger().createAdjustment({ quota: "budgets/a", amount: 1n, reason: "x", requestId });
    }
    const ids: string[] = [];
    let pageToken = "";
    do {
      const page = await ledger().listTransfers({ pageSize: 2, pageToken });
      ids.push(...page.transfers.map((transfer) => transfer.id));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(ids).toHaveLength(6);
    expect(new Set(ids).size).toBe(6);
    expect(ids.at(-1)).toBe(leaseId);
    const pending = await ledger().listTransfers({ state: TransferState.PENDING });
    expect(pending.transfers).toMatchObject([{ id: leaseId, amount: 5n }]);
  });

  it("refuses an epoch that would fence its holder for years", async () => {
    const dayAhead = BigInt(Math.floor(systemClock.wallMs() / 1_000)) + 86_400n;
    for (const epoch of [dayAhead + 60n, 2n ** 63n - 1n]) {
      const life = { holder: "r/0", epoch };
      for (const call of [
        leases().syncLeases({ ...life, sequence: 1n }),
        leases().returnLeases(life),
      ]) {
        await expect(call).rejects.toMatchObject({
          reason: "FIELD_INVALID",
          fieldViolations: [{ field: "epoch" }],
        });
      }
    }
    const epoch = dayAhead - 60n;
    const answer = await leases().syncLeases({ holder: "r/0", epoch, sequence: 1n });
    expect(answer.newestEpoch).toBe(0n);
  });

  it("says everything that is wrong with a sync", async () => {
    const wants = [{ quota: "", needed: -1n, demandPerSecond: Number.NaN }];
    const bad = leases().syncLeases({ holder: "", epoch: 1n, sequence: 0n, wants });
    await expect(bad).rejects.toMatchObject({
      reason: "FIELD_INVALID",
      fieldViolations: [
        { field: "holder" },
        { field: "sequence" },
        { field: "wants[0].quota" },
        { field: "wants[0].needed" },
        { field: "wants[0].demand_per_second" },
      ],
    });
    await expect(balances().getBalance({ quota: "budgets/none" })).rejects.toMatchObject({
      reason: "RESOURCE_NOT_FOUND",
    });
  });
});
