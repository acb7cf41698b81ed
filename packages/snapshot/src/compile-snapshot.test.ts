import type { JsonObject } from "@bufbuild/protobuf";
import { create, fromBinary } from "@bufbuild/protobuf";
import type { ConfigEntry, Resource } from "@penstock/api";
import { ConfigEntrySchema, ResourceSchema } from "@penstock/api";
import fc from "fast-check";
import { describe, expect, it, onTestFinished, vi } from "vitest";

import { compileSnapshot } from "./compile-snapshot.ts";
import {
  deletion,
  entry,
  headOf,
  keyEntry,
  routeEntry,
  smallConfiguration,
  testEnvironment,
} from "./example-entries.fixture.ts";
import { LayeredMap } from "./layered-map.ts";
import type { Snapshot } from "./snapshot.ts";

/** Counts the entries of maps that are looked at, until the test ends. */
function countVisits(): () => number {
  let count = 0;
  const { entries, get } = LayeredMap.prototype;
  const spies = [
    vi.spyOn(LayeredMap.prototype, "get").mockImplementation(function (
      this: LayeredMap<unknown>,
      key,
    ) {
      count += 1;
      return get.call(this, key);
    }),
    vi.spyOn(LayeredMap.prototype, "entries").mockImplementation(function (
      this: LayeredMap<unknown>,
    ) {
      const counted = entries.call(this).map((entry) => {
        count += 1;
        return entry;
      });
      return counted as ReturnType<typeof entries>;
    }),
  ];
  onTestFinished(() => spies.forEach((spy) => spy.mockRestore()));
  return () => count;
}

const compile = (previous: Snapshot | undefined, changes: ConfigEntry[], revision = 1): Snapshot =>
  compileSnapshot(previous, changes, headOf(revision), testEnvironment).snapshot;

describe("compileSnapshot", () => {
  it("makes callers, credentials, routes and deployments of a small configuration", () => {
    const snapshot = compile(undefined, smallConfiguration());
    expect(snapshot.problems).toEqual([]);
    const credential = snapshot.credentials.get("aaaaaaaaaaaa");
    expect(credential?.caller).toMatchObject({
      team: "teams/t",
      project: "projects/p",
      virtualKey: "projects/p/virtualKeys/k",
      maxConcurrentRequests: 100,
      trustTraceContext: true,
      expireTimeMs: Infinity,
    });
    expect(credential?.caller).toBe(snapshot.callers.get("projects/p/virtualKeys/k"));
    expect(credential?.caller.routes.map(({ name }) => name)).toEqual(["routes/r"]);
    expect(snapshot.routes.get("routes/r")?.targets[0]).toMatchObject({
      weight: 1,
      timeouts: { connectMs: 3_000, firstTokenMs: 60_000, progressMs: 30_000, attemptMs: 600_000 },
      deployment: {
        model: "large",
        path: "/v1/chat/completions",
        streamPath: "/v1/chat/completions",
        provider: { origin: "https://models.example.com", pathPrefix: "/v1" },
      },
    });
  });

  it("keeps the previous form of a poisoned route and takes the ten good changes", () => {
    const before = compile(undefined, smallConfiguration());
    const good = Array.from({ length: 10 }, (_, index) =>
      routeEntry(2, `routes/good-${index}`, [`model-${index}`]),
    );
    const poison = routeEntry(2, "routes/r", ["smart"], { targets: [] });
    const after = compile(before, [...good, poison], 2);
    expect(after.problems).toEqual([
      {
        name: "routes/r",
        revision: 2n,
        field: "targets",
        description: "is required",
        reason: "REQUIRED",
      },
    ]);
    expect(after.routes.get("routes/r")).toBe(before.routes.get("routes/r"));
    expect(after.resources.get("routes/r")?.revision).toBe(1n);
    expect(after.routes.size).toBe(11);
    const healed = compile(after, [routeEntry(3, "routes/r", ["other"])], 3);
    expect(healed.problems).toEqual([]);
    expect(healed.routes.get("routes/r")?.models).toEqual(["other"]);
  });

  it("takes what refers to a deleted resource out of use, and back when it returns", () => {
    const before = compile(undefined, smallConfiguration());
    const without = compile(before, [deletion("deployments/d", 2)], 2);
    expect(without.routes.size).toBe(0);
    expect(without.problems).toMatchObject([{ name: "routes/r", field: "targets[0].deployment" }]);
    const again = smallConfiguration().filter(({ name }) => name === "deployments/d");
    const back = compile(without, again, 3);
    expect(back.problems).toEqual([]);
    expect(back.routes.size).toBe(1);
    const noTeam = compile(back, [deletion("teams/t", 4)], 4);
    expect(noTeam.callers.size).toBe(0);
    expect(noTeam.credentials.size).toBe(0);
  });

  it("accepts a reference to what comes later, once it is there", () => {
    const [team, project, key, provider, deployment, route] = smallConfiguration();
    const first = compile(undefined, [route!, key!, deployment!]);
    expect(first.resources.size).toBe(0);
    const second = compile(first, [project!, provider!, team!], 2);
    expect(second.problems).toEqual([]);
    expect(second.resources.size).toBe(6);
  });

  it("keeps revoked keys, so that the answer can say what happened", () => {
    const before = compile(undefined, smallConfiguration());
    const revoked = keyEntry(2, "projects/p/virtualKeys/k", "aaaaaaaaaaaa", {
      revokeTime: "2026-01-01T00:00:00Z",
    });
    const caller = compile(before, [revoked], 2).credentials.get("aaaaaaaaaaaa")?.caller;
    expect(caller?.revokeTimeMs).toBe(Date.parse("2026-01-01T00:00:00Z"));
    expect(before.credentials.get("aaaaaaaaaaaa")?.caller.revokeTimeMs).toBe(Infinity);
  });

  it("refuses the same public id in two keys", () => {
    const before = compile(undefined, smallConfiguration());
    const after = compile(before, [keyEntry(2, "projects/p/virtualKeys/b", "aaaaaaaaaaaa")], 2);
    expect(after.problems).toMatchObject([{ field: "credentials[0].id" }]);
    expect(after.credentials.get("aaaaaaaaaaaa")?.caller.virtualKey).toMatch(/k$/);
  });

  it("serves a key metered when a budget holds it, and says so", () => {
    const key = keyEntry(1, "projects/p/virtualKeys/k", "aaaaaaaaaaaa", {
      meteringFailure: "METERING_FAILURE_MODE_ALLOW_UNMETERED",
    });
    const before = compile(undefined, [...smallConfiguration(), key]);
    expect(before.callers.get(key.name)?.allowUnmetered).toBe(true);
    const budget = { name: "budgets/b", amountNanoUsd: "1", period: "BUDGET_PERIOD_DAY" };
    const after = compile(before, [entry("budget", 2, budget)], 2);
    expect(after.callers.get(key.name)).toMatchObject({ allowUnmetered: false, hasBudget: true });
    expect(after.problems).toMatchObject([{ name: key.name, field: "meteringFailure" }]);
  });

  it("gives limits on targets to deployments, all others to callers", () => {
    const limit = (id: string, more: JsonObject): ConfigEntry =>
      entry("limit", 2, { name: `limits/${id}`, requestsPerMinute: "5", ...more });
    const snapshot = compile(undefined, [
      ...smallConfiguration(),
      limit("all", {}),
      limit("key", { scope: { virtualKey: "projects/p/virtualKeys/k" } }),
      limit("provider", { selector: { provider: "providers/v" } }),
      limit("deployment", { selector: { deployment: "deployments/d", provider: "providers/v" } }),
    ]);
    const names = (quotas: readonly { name: string }[] = []) => quotas.map(({ name }) => name);
    const caller = snapshot.callers.get("projects/p/virtualKeys/k");
    expect(names(caller?.quotas)).toEqual(["limits/all", "limits/key"]);
    const onTarget = ["limits/deployment", "limits/provider"];
    expect(names(snapshot.deployments.get("deployments/d")?.quotas)).toEqual(onTarget);
    const target = snapshot.routes.get("routes/r")?.targets[0];
    expect(names(target?.deployment.quotas)).toEqual(onTarget);
    expect(snapshot.quotas.get("limits/key")?.appliesTo(caller!)).toBe(true);
  });

  it("never throws, whatever bytes or objects a resource is made of", () => {
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((bytes) => {
        try {
          return fromBinary(ResourceSchema, bytes);
        } catch {
          return create(ResourceSchema, {});
        }
      }),
      fc.record({
        resource: fc.record({
          case: fc.constantFrom("team", "route", "virtualKey", "budget", "priceBook", "x"),
          value: fc.anything(),
        }),
      }),
    );
    const names = fc.constantFrom("routes/r", "teams/t", "", "what", "projects/p/virtualKeys/k");
    fc.assert(
      fc.property(fc.array(fc.tuple(names, garbage)), (made) => {
        const changes = made.map(([name, resource]) => ({
          ...create(ConfigEntrySchema, { name, revision: 1n }),
          resource: resource as Resource,
        }));
        const snapshot = compile(undefined, changes);
        for (const { name } of snapshot.problems) expect(snapshot.resources.has(name)).toBe(false);
        const after = compile(compile(undefined, smallConfiguration()), changes);
        expect(after.entryCount).toBeGreaterThanOrEqual(6);
      }),
    );
  });
});

/** A change of a small world in which most things refer to each other; some are poison. */
const change: fc.Arbitrary<ConfigEntry> = fc
  .record({ slot: fc.nat(13), variant: fc.nat(3), revision: fc.nat(1_000) })
  .map(({ slot, variant, revision }) => {
    const scopes: JsonObject[] = [
      { all: true },
      { team: "teams/t" },
      { project: "projects/p" },
      { virtualKey: "projects/p/virtualKeys/k" },
    ];
    const scope = scopes[variant] ?? {};
    const small = smallConfiguration();
    const key = "projects/p/virtualKeys/k";
    const known = [
      ...small,
      keyEntry(revision, key, "bbbbbbbbbbbb", { expireTime: "2030-01-01T00:00:00Z" }),
      routeEntry(revision, `routes/x${variant}`, ["s*", "smart"], { scope }),
      routeEntry(revision, `routes/x${variant}`, variant === 0 ? [] : ["s*"]),
      entry("limit", revision, { name: "limits/l", tokensPerMinute: "9", scope }),
      entry("limit", revision, {
        name: `limits/m${variant}`,
        requestsPerMinute: `${variant - 1}`,
        selector: { provider: "providers/v" },
      }),
      entry("policy", revision, { name: "policies/a", denyModels: ["x"], scope }),
      entry("priceBook", revision, { name: "priceBooks/b", prices: [{ model: "*" }] }),
      entry("deployment", revision, {
        name: "deployments/d",
        provider: "providers/v",
        model: "m",
        priceBook: "priceBooks/b",
      }),
    ][slot]!;
    return variant === 3 && slot < 9 ? deletion(known.name, revision) : known;
  });

/** What a reader can see of a snapshot, as data. */
function view(snapshot: Snapshot): unknown {
  const sorted = <Value>(map: ReadonlyMap<string, Value>, show: (value: Value) => unknown) =>
    [...map.keys()].sort().map((name) => [name, show(map.get(name)!)]);
  const asData = (value: unknown): unknown => JSON.parse(JSON.stringify(value, replaceBigints));
  return {
    resources: sorted(snapshot.resources, asData),
    credentials: sorted(snapshot.credentials, asData),
    callers: sorted(snapshot.callers, asData),
    deployments: sorted(snapshot.deployments, asData),
    routes: sorted(snapshot.routes, asData),
    quotas: sorted(snapshot.quotas, asData),
  };
}

function replaceBigints(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}n` : value;
}

describe("incremental compilation", () => {
  it("equals a full compilation of what is in use, and its hash that of all entries", () => {
    fc.assert(
      fc.property(fc.array(fc.array(change, { maxLength: 5 }), { maxLength: 12 }), (batches) => {
        let snapshot = compile(undefined, smallConfiguration());
        const live = new Map(smallConfiguration().map((made) => [made.name, made]));
        for (const [index, batch] of batches.entries()) {
          snapshot = compile(snapshot, batch, index + 2);
          for (const made of batch) {
            if (made.resource === undefined) live.delete(made.name);
            else live.set(made.name, made);
          }
        }
        const inUse = [...snapshot.resources].map(([name, { resource, revision }]) =>
          create(ConfigEntrySchema, { name, resource, revision }),
        );
        const full = compile(undefined, inUse.reverse());
        expect(full.problems.filter(({ field }) => field !== "meteringFailure")).toEqual([]);
        expect(view(full)).toEqual(view(snapshot));
        const everything = compile(undefined, [...live.values()]);
        expect(everything.contentHash).toEqual(snapshot.contentHash);
        expect(snapshot.entryCount).toBe(live.size);
        if (everything.problems.length === 0) expect(view(everything)).toEqual(view(snapshot));
      }),
      { numRuns: 300 },
    );
  });

  it("does not go through the keys when a route changes", () => {
    const keys = Array.from({ length: 10_000 }, (_, index) => {
      const id = index.toString(26).replace(/\d/g, (digit) => "qrstuvwxyz"[Number(digit)] ?? "");
      return keyEntry(1, `projects/p/virtualKeys/k${index}`, `7${id}`.padStart(12, "2"));
    });
    let snapshot = compile(undefined, [...smallConfiguration(), ...keys]);
    expect(snapshot.problems).toEqual([]);
    expect(snapshot.callers.size).toBe(10_001);
    const visits = countVisits();
    for (let revision = 2; revision < 202; revision += 1) {
      const changed = routeEntry(revision, "routes/r", [`model-${revision}`]);
      snapshot = compile(snapshot, [changed], revision);
    }
    // One pass over the keys alone would be 10,000 for each of the 200 changes.
    expect(visits() / 200).toBeGreaterThan(0);
    expect(visits() / 200).toBeLessThan(100);
    const caller = snapshot.callers.get("projects/p/virtualKeys/k77");
    expect(caller?.routes[0]?.models).toEqual(["model-201"]);
  });
});
