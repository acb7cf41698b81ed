import { create, toBinary } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { RolloutService, RouterStatusSchema, SnapshotService, TeamService } from "@penstock/api";
import { createMemoryBus } from "@penstock/bus";
import { ManualClock } from "@penstock/runtime";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { failureOf } from "../api/failure-of.ts";
import type { PolicyHarness } from "../api/test-policy.ts";
import { routerIdentity, startPolicyHarness } from "../api/test-policy.ts";

const clock = new ManualClock();
let harness: PolicyHarness;

beforeAll(async () => {
  harness = await startPolicyHarness({ clock, bus: createMemoryBus() });
  await harness.client(TeamService).createTeam({ team: { name: "teams/one" } });
});
afterAll(() => harness.close());

const rollout = () => harness.client(RolloutService);

async function report(replica: string, appliedRevision: bigint, configEpoch = 1n): Promise<void> {
  // An hour slow: the routers' clocks must not decide which of them count.
  const reportTime = timestampFromMs(clock.wallMs() - 3_600_000);
  const status = create(RouterStatusSchema, { replica, appliedRevision, configEpoch, reportTime });
  await harness.bus.routers.put(replica, toBinary(RouterStatusSchema, status));
  await vi.waitFor(async () => {
    const { routers } = await rollout().listRouters({});
    const found = routers.find((router) => router.replica === replica);
    expect([found?.appliedRevision, found?.configEpoch]).toEqual([appliedRevision, configEpoch]);
  });
}

describe("AwaitRevision", () => {
  it("answers at once when there is no router", async () => {
    expect((await rollout().awaitRevision({})).applied).toBe(true);
  });

  it("answers when the last router has taken the revision", async () => {
    await report("a", 1n);
    await report("b", 0n);
    const wait = rollout().awaitRevision({ revision: 1n });
    const first = await Promise.race([wait, Promise.resolve("waiting")]);
    expect(first).toBe("waiting");
    await report("b", 1n);
    const { applied, routers } = await wait;
    expect(applied).toBe(true);
    expect(routers.map(({ replica }) => replica)).toEqual(["a", "b"]);
  });

  it("does not take the number of another installation for its own", async () => {
    const { installationId } = await rollout().listRouters({});
    expect(installationId).not.toBe("");
    await report("a", 1n);
    const status = create(RouterStatusSchema, {
      replica: "b",
      appliedRevision: 99n,
      configEpoch: 9n,
      installationId: "another",
    });
    await harness.bus.routers.put("b", toBinary(RouterStatusSchema, status));
    await vi.waitFor(async () => {
      expect((await rollout().listRouters({})).routers.length).toBe(2);
    });
    const now = await rollout().awaitRevision({ timeout: durationFromMs(0) });
    expect(now).toMatchObject({ applied: false, installationId });
  });

  it("says no when the time is up, and never counts an older epoch", async () => {
    await report("b", 5n, 0n);
    const now = await rollout().awaitRevision({ timeout: durationFromMs(0) });
    expect(now.applied).toBe(false);
    const wait = rollout().awaitRevision({ timeout: durationFromMs(2_000) });
    let ended = false;
    void wait.finally(() => (ended = true));
    // The clock moves only here, so the wait ends by its own timer and by nothing else.
    await vi.waitFor(() => {
      clock.advance(500);
      expect(ended).toBe(true);
    });
    expect((await wait).applied).toBe(false);
  });

  it("forgets routers that are silent for 30 s", async () => {
    clock.advance(31_000);
    expect((await rollout().listRouters({})).routers).toEqual([]);
    expect((await rollout().awaitRevision({})).applied).toBe(true);
  });

  it("hears of routers by calls, too, in whatever order they come beside the bus", async () => {
    const snapshots = harness.client(SnapshotService, routerIdentity);
    const say = (appliedRevision: bigint, epoch: bigint) => {
      const replica = "without-a-bus";
      const status = create(RouterStatusSchema, {
        replica,
        configEpoch: 1n,
        appliedRevision,
        epoch,
      });
      return snapshots.reportRouter({ status });
    };
    const known = async () => {
      const { routers } = await rollout().listRouters({});
      return routers.find(({ replica }) => replica === "without-a-bus")?.appliedRevision;
    };
    await say(0n, 1n);
    const wait = rollout().awaitRevision({ revision: 1n });
    await say(1n, 1n);
    expect((await wait).applied).toBe(true);
    await say(0n, 1n);
    expect(await known()).toBe(1n);
    await say(0n, 2n);
    expect(await known()).toBe(0n);
    clock.advance(31_000);
    expect(await known()).toBeUndefined();
    expect((await failureOf(snapshots.reportRouter({}))).reason).toBe("FIELD_INVALID");
    const admin = harness.client(SnapshotService);
    expect((await failureOf(admin.reportRouter({}))).reason).toBe("ADMIN_PERMISSION_DENIED");
  });

  it("refuses revisions that do not exist and waits that are too long", async () => {
    const future = await failureOf(rollout().awaitRevision({ revision: 99n }));
    expect(future.fieldViolations[0]?.field).toBe("revision");
    const long = await failureOf(rollout().awaitRevision({ timeout: durationFromMs(61_000) }));
    expect(long.fieldViolations[0]?.field).toBe("timeout");
  });

  it("ends its waits when the service ends, and begins none", async () => {
    await report("behind", 0n);
    const waiting = vi.spyOn(clock, "schedule");
    const cut = failureOf(rollout().awaitRevision({ timeout: durationFromMs(7_777) }));
    await vi.waitFor(() => expect(waiting).toHaveBeenCalledWith(7_777, expect.anything()));
    harness.service.endWaits();
    const refused = failureOf(rollout().awaitRevision({}));
    for (const error of [await cut, await refused]) {
      expect(error).toMatchObject({ reason: "DRAINING", retryAfterMs: 500 });
    }
  });
});
