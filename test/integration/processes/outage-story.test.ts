import { serverLane } from "@penstock/test-support";
import { afterAll, beforeAll, it } from "vitest";
import {
  checkAnswers,
  checkNothingLent,
  checkOutageBooks,
  describeOutage,
} from "../src/outage-checks.ts";
import { startOutageRig } from "../src/outage-rig.ts";
import type { OutageRig } from "../src/outage-rig.ts";
import { playOutage } from "../src/outage-story.ts";

// Policy, quota, NATS and PostgreSQL die under load, one after the other; a router dies with them
// and starts from its disk. Two minutes of it are in the long tests.

const plan = { stepMs: 1_500, deadMs: 8_000 } as const;
const testTimeoutMs = 180_000;

serverLane("nats").describe("while everything behind the routers is dead", () => {
  serverLane("postgres").describe("for some seconds", suite);
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
      await checkOutageBooks(rig);
      await checkNothingLent(rig);
    },
    testTimeoutMs,
  );
}
