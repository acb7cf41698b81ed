import { create, toBinary } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import {
  PrincipalMethod,
  RatingState,
  RequestOutcome,
  Role,
  UsageDimension,
  UsageEventSchema,
  UsageService,
} from "@penstock/api";
import type { UsageEvent } from "@penstock/api";
import { createMemoryBus, joinEvents } from "@penstock/bus";
import type { Bus } from "@penstock/bus";
import type { DatabaseServer } from "@penstock/database";
import { openTestDatabase } from "@penstock/database/testing";
import { recordingObservability, silentObservability } from "@penstock/observability";
import { createInProcessTransport } from "@penstock/rpc";
import { Secret, newUuidV7, systemClock } from "@penstock/runtime";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

import type { PricedSnapshot } from "../rating/price-history.ts";
import { createTelemetryService } from "../service.ts";
import type { TelemetryService } from "../service.ts";
import { addFormerSums, dropRecords } from "../storage/test-records.ts";

const prices = { inputNanoUsdPerMillionTokens: 1_000_000n, outputNanoUsdPerMillionTokens: 0n };
const deployment = {
  name: "deployments/a",
  model: "m-large",
  priceBook: "priceBooks/p",
  priceBookRevision: 1n,
  pricesAt: () => prices,
};
const snapshot: PricedSnapshot = {
  revision: 3n,
  resources: new Map([["deployments/a", { revision: 2n }]]),
  deployments: new Map([["deployments/a", deployment]]),
};
const hour = 1_767_225_600_000;

let database: DatabaseServer;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

let bus: Bus;
let service: TelemetryService;
let observed: ReturnType<typeof recordingObservability>;
let sequence = 0n;
beforeEach(async () => {
  await dropRecords(database);
  sequence = 0n;
  bus = createMemoryBus({ clock: systemClock });
  observed = recordingObservability();
  service = await createTelemetryService({
    config: { usageRetentionDays: 400 },
    clock: systemClock,
    bus,
    database,
    configuration: { current: () => snapshot, onChange: () => () => undefined },
    observability: observed,
  });
  await service.start();
});
afterEach(async () => {
  await service[Symbol.asyncDispose]();
  await bus.close();
});

function client() {
  const observability = silentObservability();
  const identity = { kind: "admin" as const, name: "test", roles: [Role.VIEWER] };
  const { transport } = createInProcessTransport(
    service.routes,
    { observability, authenticate: () => Promise.resolve(identity) },
    { tracer: observability.tracer, token: new Secret("pat_test") },
  );
  return createClient(UsageService, transport);
}

function usageEvent(parts: Partial<UsageEvent> = {}): UsageEvent {
  sequence += 1n;
  const event = create(UsageEventSchema, {
    requestId: newUuidV7(),
    replica: "r1",
    epoch: 1n,
    sequence,
    principal: {
      method: PrincipalMethod.VIRTUAL_KEY,
      team: "teams/t",
      project: "projects/p",
      virtualKey: "projects/p/virtualKeys/k",
    },
    model: "large",
    outcome: RequestOutcome.COMPLETED,
    startTime: timestampFromMs(hour),
    priceBookRevision: 3n,
    usage: { inputTokens: 2_000n, outputTokens: 10n },
    costNanoUsd: 2_000n,
    attempts: [
      {
        number: 1,
        deployment: "deployments/a",
        provider: "providers/a",
        model: "m-large",
        priceBook: "priceBooks/p",
        outcome: "OK",
        usage: { inputTokens: 2_000n, outputTokens: 10n },
        costNanoUsd: 2_000n,
      },
    ],
  });
  return Object.assign(event, parts);
}

async function publish(...events: UsageEvent[]): Promise<void> {
  const messages = events.map((event) => ({
    id: newUuidV7(),
    subject: `usage.v1.${event.replica}`,
    payload: toBinary(UsageEventSchema, event),
  }));
  for (const result of await bus.usage.publish(messages)) expect(result.ok).toBe(true);
}

async function confirmed(): Promise<bigint> {
  const entry = await bus.confirmed.get("telemetry.r1.1");
  return entry === undefined ? 0n : Buffer.from(entry.value).readBigUInt64BE();
}

describe("usage records", () => {
  it("can be read while they are still on their way, with a verdict", async () => {
    const event = usageEvent();
    const reading = client().getRequest({ requestId: event.requestId });
    await publish(event);
    const { record, verdict } = await reading;
    expect(record?.event?.requestId).toBe(event.requestId);
    expect(record).toMatchObject({ rating: RatingState.VERIFIED, ratedCostNanoUsd: 2_000n });
    expect(verdict?.sentence).toContain("the caller got a complete answer");
  });

  it("are stored from a message with several events, each once", async () => {
    const events = Array.from({ length: 3 }, () => usageEvent({ replica: "r3" }));
    const payload = joinEvents(events.map((event) => toBinary(UsageEventSchema, event)));
    for (const id of ["first", "again"]) {
      await bus.usage.publish([{ id, subject: "usage.v1.r3", payload }]);
    }
    for (const { requestId } of events) {
      const { record } = await client().getRequest({ requestId });
      expect(record?.event?.requestId).toBe(requestId);
    }
    await vi.waitFor(async () => {
      const entry = await bus.confirmed.get("telemetry.r3.1");
      expect(entry && Buffer.from(entry.value).readBigUInt64BE()).toBe(3n);
    });
  });

  it("that do not exist are named, with what may be the reason", async () => {
    const requestId = newUuidV7();
    const reading = client().getRequest({ requestId, wait: durationFromMs(20) });
    await expect(reading).rejects.toMatchObject({ reason: "RESOURCE_NOT_FOUND" });
  });

  it("are stored and summed once, however often they are delivered", async () => {
    const events = [usageEvent(), usageEvent(), usageEvent({ outcome: RequestOutcome.FAILED })];
    await publish(...events, ...events);
    await publish(...events.toReversed());
    await vi.waitFor(async () => expect(await confirmed()).toBe(3n));
    const { total } = await client().queryUsage({});
    expect(total).toMatchObject({
      requests: 3n,
      completedRequests: 2n,
      attempts: 3n,
      inputTokens: 6_000n,
      costNanoUsd: 6_000n,
    });
  });

  it("are confirmed up to the first gap", async () => {
    const [first, second, third] = [usageEvent(), usageEvent(), usageEvent()] as const;
    await publish(third, first);
    await client().getRequest({ requestId: third.requestId });
    await vi.waitFor(async () => expect(await confirmed()).toBe(1n));
    await publish(second);
    await vi.waitFor(async () => expect(await confirmed()).toBe(3n));
  });

  it("that are malformed are dropped and confirmed, so that they do not come again", async () => {
    await publish(usageEvent({ requestId: "no-uuid" }), usageEvent());
    await vi.waitFor(async () => expect(await confirmed()).toBe(2n), 10_000);
    expect((await client().queryUsage({})).total?.requests).toBe(1n);
  });

  it("are listed in pages that end early when the records are large", async () => {
    const labels = { note: "x".repeat(240_000) };
    const events = Array.from({ length: 20 }, () => usageEvent({ labels }));
    await publish(...events);
    await vi.waitFor(async () => expect(await confirmed()).toBe(20n), 10_000);
    const page = await client().listUsageRecords({});
    expect(page.usageRecords.length).toBeLessThan(20);
    const { nextPageToken: pageToken } = page;
    const rest = await client().listUsageRecords({ pageToken });
    const all = [...page.usageRecords, ...rest.usageRecords];
    expect(new Set(all.map(({ event }) => event?.requestId)).size).toBe(20);
  });

  it("whose number was used twice are kept, and told", async () => {
    const [first, second] = [usageEvent(), usageEvent({ sequence: 1n })];
    await publish(first);
    await client().getRequest({ requestId: first.requestId });
    await publish(second);
    const { record } = await client().getRequest({ requestId: second.requestId });
    expect(record?.event?.requestId).toBe(second.requestId);
    expect(observed.lines.some((line) => String(line["message"]).includes("twice"))).toBe(true);
  });

  it("tell a rating that differs", async () => {
    const event = usageEvent({ costNanoUsd: 1_999n });
    await publish(event);
    const { record } = await client().getRequest({ requestId: event.requestId });
    expect(record).toMatchObject({ rating: RatingState.DIFFERENT, ratedCostNanoUsd: 2_000n });
    expect(observed.lines.some((line) => line["rated"] === "2000")).toBe(true);
  });

  it("are listed newest first, page by page", async () => {
    const events = Array.from({ length: 7 }, (_, index) =>
      usageEvent({ startTime: timestampFromMs(hour + (index % 3) * 1_000) }),
    );
    await publish(...events);
    await vi.waitFor(async () => expect(await confirmed()).toBe(7n));
    const seen: string[] = [];
    let pageToken = "";
    do {
      const page = await client().listUsageRecords({ pageSize: 3, pageToken });
      seen.push(...page.usageRecords.map((record) => record.event?.requestId ?? ""));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    const startOf = (event: UsageEvent): number => Number(event.startTime?.seconds ?? 0n);
    const expected = events.toSorted(
      (a, b) => startOf(b) - startOf(a) || (a.requestId < b.requestId ? 1 : -1),
    );
    expect(seen).toEqual(expected.map((event) => event.requestId));
  });
});

describe("querying usage", () => {
  it("groups and filters, whole hours and parts of them alike", async () => {
    const events = [0, 10, 3_600, 7_199, 7_200, 90_000].map((seconds, index) =>
      usageEvent({
        startTime: timestampFromMs(hour + seconds * 1_000),
        model: index % 2 === 0 ? "large" : "small",
        outcome: index === 5 ? RequestOutcome.REFUSED : RequestOutcome.COMPLETED,
      }),
    );
    await publish(...events);
    await vi.waitFor(async () => expect(await confirmed()).toBe(6n));
    const byModel = await client().queryUsage({
      filter: {
        startTime: timestampFromMs(hour + 5_000),
        endTime: timestampFromMs(hour + 7_200_001),
        project: "projects/p",
      },
      groupBy: [UsageDimension.MODEL],
    });
    expect(byModel.rows.map((row) => [row.dimensions, row.requests])).toEqual([
      [["large"], 2n],
      [["small"], 2n],
    ]);
    expect(byModel.total?.requests).toBe(4n);
    const byDay = await client().queryUsage({
      groupBy: [UsageDimension.DAY, UsageDimension.OUTCOME],
    });
    expect(byDay.rows.map((row) => [row.dimensions, row.requests])).toEqual([
      [["2026-01-01", "COMPLETED"], 5n],
      [["2026-01-02", "REFUSED"], 1n],
    ]);
    const none = await client().queryUsage({ filter: { team: "teams/other" } });
    expect(none.total).toMatchObject({ requests: 0n, costNanoUsd: 0n });
  });

  it("groups by the tier that served last, with the sums of a former build as of no tier", async () => {
    const served = (...tiers: string[]): UsageEvent => {
      const event = usageEvent({ startTime: timestampFromMs(hour + tiers.length * 3_600_000) });
      const [attempt] = event.attempts;
      if (attempt === undefined) throw new Error("no attempt");
      const attempts = tiers.map((serviceTier) => ({ ...attempt, serviceTier }));
      return Object.assign(event, { attempts });
    };
    await publish(served("flex"), served("flex"), served("flex", "priority"), served());
    await vi.waitFor(async () => expect(await confirmed()).toBe(4n));
    await addFormerSums(database, hour, 5n);
    const startTime = timestampFromMs(hour);
    const sums = async (endMs: number) => {
      const filter = { startTime, endTime: timestampFromMs(endMs) };
      const { rows } = await client().queryUsage({
        filter,
        groupBy: [UsageDimension.SERVICE_TIER],
      });
      return rows.map(({ dimensions: [tier], requests }) => [tier, requests]);
    };
    const all = [
      ["", 6n],
      ["flex", 2n],
      ["priority", 1n],
    ];
    expect(await sums(hour + 86_400_000)).toEqual(all);
    // The last hour is a part of one, from single records.
    expect(await sums(hour + 7_200_001)).toEqual(all);
    const { total } = await client().queryUsage({});
    expect(total?.requests).toBe(9n);
  });

  it("refuses dimensions that are none", async () => {
    const groupBy = [UsageDimension.TEAM, UsageDimension.TEAM];
    await expect(client().queryUsage({ groupBy })).rejects.toMatchObject({
      reason: "FIELD_INVALID",
    });
  });
});
