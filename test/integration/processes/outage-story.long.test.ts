import { serverLane } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  checkAnswers,
  checkNothingLent,
  checkOutageBooks,
  describeOutage,
} from "../src/outage-checks.ts";
import { startOutageRig } from "../src/outage-rig.ts";
import type { OutageRig } from "../src/outage-rig.ts";
import { playOutage } from "../src/outage-story.ts";

// Issue 3, show 4: two minutes without policy, quota, NATS and PostgreSQL, under load.

const plan = { stepMs: 5_000, deadMs: 120_000 } as const;
const testTimeoutMs = 420_000;

serverLane("nats").describe("while everything behind the routers is dead", () => {
  serverLane("postgres").describe("for two minutes", suite);
});

function suite(): void {
  let rig: OutageRig;

  beforeAll(async () => {
    rig = await startOutageRig();
  });
  afterAll(() => rig?.gateway.close());

  it(
    "serves what needs no quota, refuses truly what does, and settles all of it afterwards",
    async () => {
      const tale = await playOutage(rig, plan);
      process.stdout.write(describeOutage(rig, tale));
      checkAnswers(rig, tale);
      expect(tale.rareAnswers).toHaveLength(2);
      await checkOutageBooks(rig);
      await checkNothingLent(rig);
    },
    testTimeoutMs,
  );
}
