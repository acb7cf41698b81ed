import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { ConfigHead } from "@penstock/api";
import { ConfigEntrySchema, ConfigHeadSchema, ResourceService, TeamService } from "@penstock/api";
import type { Bus, ConfigBucket } from "@penstock/bus";
import { createMemoryBus } from "@penstock/bus";
import { openTestDatabase } from "@penstock/database/testing";
import { GatewayError } from "@penstock/errors";
import { ManualClock, systemClock } from "@penstock/runtime";
import { describe, expect, it, vi } from "vitest";
import type { PolicyHarness } from "../api/test-policy.ts";
import { startPolicyHarness } from "../api/test-policy.ts";
import { resourceOf, sampleResources } from "../api/sample-resources.ts";
import { connectStorage } from "../storage/open-storage.ts";
import { reconcileBus } from "./reconcile-bus.ts";
import { sweep, tombstoneLifeMs } from "./sweep.ts";

async function headOf(bus: Bus): Promise<ConfigHead | undefined> {
  const entry = await bus.config.get("head");
  return entry === undefined ? undefined : fromBinary(ConfigHeadSchema, entry.value);
}

async function headReaches(bus: Bus, revision: bigint): Promise<ConfigHead> {
  return await vi.waitFor(async () => {
    const head = await headOf(bus);
    expect(head?.revision).toBe(revision);
    if (head === undefined) throw new Error("no head");
    return head;
  }, 10_000);
}

async function addTeam(harness: PolicyHarness, id: string): Promise<bigint> {
  const { revision } = await harness
    .client(TeamService)
    .createTeam({ team: { name: `teams/${id}` } });
  return revision;
}

/** A bus whose writes fail while it is down; counts what it is asked to write. */
function failingBus(): {
  bus: Bus;
  down(isDown: boolean): void;
  /** From now on what holds this text is too large. */
  refuse(text: string): void;
  keys: string[];
} {
  const inner = createMemoryBus();
  let isDown = false;
  let refused: string | undefined;
  const keys: string[] = [];
  const check = (): void => {
    if (isDown) throw new GatewayError("UNAVAILABLE", "the bus is away");
  };
  const config: ConfigBucket = {
    put: async (key, value, options) => {
      check();
      if (refused !== undefined && Buffer.from(value).includes(refused)) {
        throw new GatewayError("FIELD_INVALID", "it is too large", { source: "gateway" });
      }
      const position = await inner.config.put(key, value, options);
      keys.push(key);
      return position;
    },
    delete: (key, options) => inner.config.delete(key, options),
    purge: (key, options) => inner.config.purge(key, options),
    get: async (key) => {
      check();
      return await inner.config.get(key);
    },
    list: async (prefix) => {
      check();
      return await inner.config.list(prefix);
    },
    watch: (options) => inner.config.watch(options),
  };
  const down = (value: boolean): void => void (isDown = value);
  const refuse = (text: string): void => void (refused = text);
  return { bus: { ...inner, config }, down, refuse, keys };
}

describe("publishing", () => {
  it("catches up, in order, after the bus was down", async () => {
    const { bus, down, keys } = failingBus();
    const harness = await startPolicyHarness({ bus });
    await addTeam(harness, "a");
    await headReaches(bus, 1n);
    down(true);
    await addTeam(harness, "b");
    await addTeam(harness, "c");
    const failed = harness.observability.lines;
    await vi.waitFor(() =>
      expect(failed.map(({ message }) => message)).toContain(
        "configuration could not be published",
      ),
    );
    expect((await harness.client(TeamService).listTeams({})).teams).toHaveLength(3);
    down(false);
    await headReaches(bus, 3n);
    const after = keys.slice(keys.indexOf("teams.b"));
    expect(after.filter((key) => key !== "head")).toEqual(["teams.b", "teams.c"]);
    expect(after.at(-1)).toBe("head");
    await harness.close();
  });

  it("says what the bus never takes, and goes on once that was changed or deleted", async () => {
    const { bus, refuse, keys } = failingBus();
    const harness = await startPolicyHarness({ bus });
    const teams = harness.client(TeamService);
    const said = () => harness.service.health.report();
    for (const [index, end] of (["changed", "deleted"] as const).entries()) {
      const before = BigInt(4 * index);
      const name = `teams/${end}`;
      refuse("too large");
      await addTeam(harness, `before-${end}`);
      await headReaches(bus, before + 1n);
      await teams.createTeam({ team: { name, displayName: "too large" } });
      await addTeam(harness, `after-${end}`);
      const detail = `${name} can't be published, nor what was changed after it: it is too large`;
      await vi.waitFor(() =>
        expect(said()).toMatchObject({
          ready: true,
          components: [{ name: "database" }, { name: "publishing", detail }],
        }),
      );
      expect(keys).not.toContain(`teams.after-${end}`);
      if (end === "deleted") await teams.deleteTeam({ name });
      else await teams.updateTeam({ team: { name, displayName: "small" } });
      await headReaches(bus, before + 4n);
      await vi.waitFor(() => expect(said().components[1]).toMatchObject({ detail: "" }));
      expect(keys).toContain(`teams.after-${end}`);
    }
    const entry = await bus.config.get("teams.changed");
    expect(Buffer.from(entry?.value ?? []).toString()).toContain("small");
    const passedOver = harness.observability.lines.flatMap(({ message, name }) =>
      String(message).startsWith("an entry that the bus can't take") ? [name] : [],
    );
    expect(passedOver).toEqual(["teams/changed", "teams/deleted"]);
    await harness.close();
  });

  it("does not pile up what it publishes anew while an entry holds it up", async () => {
    const { bus, refuse, keys } = failingBus();
    refuse("too large");
    const harness = await startPolicyHarness({ bus, housekeepingIntervalMs: 20 });
    const team = { name: "teams/large", displayName: "too large" };
    await harness.client(TeamService).createTeam({ team });
    const anew = () =>
      harness.observability.lines.filter(
        ({ message }) => message === "configuration published anew",
      );
    const before = anew().length;
    await vi.waitFor(() => expect(anew().length).toBeGreaterThan(before + 20), 10_000);
    refuse("nothing");
    await addTeam(harness, "after");
    await headReaches(bus, 2n);
    // Two of each change, two of the last time, and of what was under way; not two of each time.
    expect(keys.length).toBeLessThan(15);
    await harness.close();
  });

  it("has the change's trace in entry, head and span", async () => {
    const harness = await startPolicyHarness();
    await addTeam(harness, "traced");
    const head = await headReaches(harness.bus, 1n);
    const entry = await harness.bus.config.get("teams.traced");
    const { traceparent } = fromBinary(ConfigEntrySchema, entry?.value ?? new Uint8Array(0));
    expect(traceparent).toBe(head.traceparent);
    const { records } = harness.observability;
    const write = records.find(({ name }) => name === "write policy");
    const publish = await vi.waitFor(() => {
      const { traceId } = write?.context ?? {};
      const found = records.find(
        (span) => span.kind === "producer" && span.context.traceId === traceId,
      );
      expect(found?.name).toBe("publish config");
      return found;
    });
    expect(traceparent).toContain(write?.context.traceId);
    expect(publish?.parentSpanId).toBe(write?.context.spanId);
    await harness.close();
  });

  it("fills an empty bus after a restart", async () => {
    const database = await openTestDatabase();
    const first = await startPolicyHarness({ database });
    await first.client(ResourceService).applyResources({ resources: sampleResources() });
    const before = await headReaches(first.bus, 1n);
    const installation = first.service.installationId();
    await first.close();

    const second = await startPolicyHarness({ database });
    const after = await headReaches(second.bus, 1n);
    expect(second.service.installationId()).toBe(installation);
    expect(after.contentHash).toEqual(before.contentHash);
    expect(after.epoch).toBe(before.epoch);
    expect(await second.bus.config.list()).toHaveLength(11);
    expect((await second.bus.config.list()).at(-1)?.key).toBe("head");
    expect(await addTeam(second, "later")).toBe(2n);
    await second.close();
    await database.close();
  });

  it("raises the epoch and publishes all when the database was restored", async () => {
    const old = await openTestDatabase();
    const bus = createMemoryBus();
    const first = await startPolicyHarness({ database: old, bus });
    await addTeam(first, "early");
    const head = await headReaches(bus, 1n);
    await first.close();
    // The bus has seen one revision more than the database knows of.
    const newer = { ...head, revision: 2n, contentHash: new Uint8Array(32) };
    await bus.config.put("head", toBinary(ConfigHeadSchema, newer));
    const resource = resourceOf({ team: { name: "teams/lost" } });
    const lostEntry = create(ConfigEntrySchema, { name: "teams/lost", revision: 2n, resource });
    await bus.config.put("teams.lost", toBinary(ConfigEntrySchema, lostEntry));

    const second = await startPolicyHarness({ database: old, bus });
    const raised = await headReaches(bus, 1n);
    expect(raised.epoch).toBe(head.epoch + 1n);
    const lost = await bus.config.get("teams.lost");
    const tombstone = fromBinary(ConfigEntrySchema, lost?.value ?? new Uint8Array(0));
    expect(tombstone).toMatchObject({ name: "teams/lost", revision: 1n });
    const later = systemClock.wallMs() + tombstoneLifeMs + 60_000;
    expect(await sweep(connectStorage(old), later)).toBe(1);
    expect(await addTeam(second, "next")).toBe(2n);
    expect((await headReaches(bus, 2n)).epoch).toBe(raised.epoch);
    expect(await bus.config.get("teams.lost")).toBeUndefined();
    await second.close();
    await old.close();
    await bus.close();
  });

  it("leaves the bus of another installation alone", async () => {
    const bus = createMemoryBus();
    const owner = await startPolicyHarness({ bus });
    await addTeam(owner, "own");
    await headReaches(bus, 1n);
    const stranger = await startPolicyHarness({ bus });
    await addTeam(stranger, "strange");
    await vi.waitFor(() =>
      expect(JSON.stringify(stranger.observability.lines)).toContain("of its own"),
    );
    expect(await bus.config.get("teams.strange")).toBeUndefined();
    await stranger.close();
    await owner.close();
    await bus.close();
  });
});

describe("sweeping", () => {
  it("removes the keys of deleted resources after an hour, and of none that came back", async () => {
    const harness = await startPolicyHarness();
    const { bus } = harness;
    const client = harness.client(ResourceService);
    const both = ["gone", "back"].map((id) => resourceOf({ team: { name: `teams/${id}` } }));
    await client.applyResources({ resources: both });
    await client.applyResources({ deleteNames: ["teams/gone", "teams/back"] });
    await addTeam(harness, "back");
    await headReaches(bus, 3n);
    const db = connectStorage(harness.database);
    const nowMs = systemClock.wallMs();
    const { revision: expectedRevision } = (await bus.config.get("teams.gone"))!;
    const deleting = vi.spyOn(bus.config, "delete");
    const purging = vi.spyOn(bus.config, "purge");
    expect(await sweep(db, nowMs + tombstoneLifeMs - 60_000)).toBe(0);
    expect(await sweep(db, nowMs + tombstoneLifeMs + 60_000)).toBe(1);
    // The next change wakes the relay.
    await addTeam(harness, "waker");
    await headReaches(bus, 4n);
    expect(await bus.config.get("teams.gone")).toBeUndefined();
    expect(deleting.mock.calls).toEqual([["teams.gone", { expectedRevision }]]);
    const upTo = await deleting.mock.results[0]?.value;
    expect(purging.mock.calls).toEqual([["teams.gone", { upTo }]]);
    expect(await bus.config.get("teams.back")).toBeDefined();
    expect(await reconcileBus(db, bus.config)).toEqual({ action: "none" });
    await harness.close();
  });

  it("forgets request ids after a day", async () => {
    const clock = new ManualClock();
    const harness = await startPolicyHarness({ clock, bus: createMemoryBus() });
    const teams = harness.client(TeamService);
    const request = { team: { name: "teams/once" }, requestId: "day" };
    const { revision } = await teams.createTeam(request);
    clock.advance(23 * 3_600_000);
    expect((await teams.createTeam(request)).revision).toBe(revision);
    clock.advance(2 * 3_600_000);
    await expect(teams.createTeam(request)).rejects.toMatchObject({ reason: "ALREADY_EXISTS" });
    await harness.close();
  });
});
