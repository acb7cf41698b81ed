import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { RatingState, UsageEventSchema } from "@penstock/api";
import { inTransaction } from "@penstock/database";
import type { DatabaseServer } from "@penstock/database";
import { openTestDatabase } from "@penstock/database/testing";
import { silentObservability } from "@penstock/observability";
import { ManualClock, newUuidV7 } from "@penstock/runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { storeUsage } from "../consumers/store-usage.ts";
import { readUsage } from "../consumers/usage-facts.ts";
import { createTelemetryEvents } from "../events.ts";
import { migrateRecords } from "../storage/migrate-records.ts";
import { listRecords } from "../storage/record-store.ts";
import { sumUsage } from "../storage/rollup-store.ts";
import type { TelemetryTables } from "../storage/schema.ts";
import { addFormerSums } from "../storage/test-records.ts";
import { dropOnce } from "./drop-expired.ts";
import { hourOf } from "./roll-up-hour.ts";

const dayMs = 86_400_000;
const everything = {
  startMs: undefined,
  endMs: undefined,
  team: "",
  project: "",
  virtualKey: "",
  model: "",
  provider: "",
};

let server: DatabaseServer;
beforeAll(async () => {
  server = await openTestDatabase();
});
afterAll(() => server.close());

describe("dropping expired usage", () => {
  it("drops whole hours, records and sums alike", async () => {
    const db = server.connect<TelemetryTables>("telemetry");
    await migrateRecords(db);
    const clock = new ManualClock();
    const nowMs = clock.wallMs();
    const startTimes = [nowMs - 3 * dayMs, nowMs - 2 * dayMs - 1, nowMs - 2 * dayMs, nowMs];
    const batch = startTimes.flatMap((startMs, index) => {
      const event = create(UsageEventSchema, {
        requestId: newUuidV7(),
        replica: "r",
        epoch: 1n,
        sequence: BigInt(index + 1),
        startTime: timestampFromMs(startMs),
      });
      const usage = readUsage(toBinary(UsageEventSchema, event));
      const rating = { state: RatingState.UNPRICED, costNanoUsd: undefined };
      return usage === undefined ? [] : [{ ...usage, rating }];
    });
    await inTransaction(db, (trx) => storeUsage(trx, batch, nowMs));
    for (const daysAgo of [3, 1]) {
      await addFormerSums(server, hourOf(nowMs - daysAgo * dayMs), 10n);
    }
    const events = createTelemetryEvents(silentObservability());
    await dropOnce({ db, clock, events, retentionDays: 2 });
    const left = await listRecords(db, everything, { after: undefined, size: 10 });
    expect(left.map((record) => record.startMs)).toEqual([nowMs, nowMs - 2 * dayMs]);
    const query = { groupBy: [], size: 1, outcomes: { completed: 1, refused: 3 } };
    expect(await sumUsage(db, everything, query)).toMatchObject([{ requests: 12n }]);
  });
});
