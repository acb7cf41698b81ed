import type { ConfigEntry } from "@penstock/api";
import { AuditService, ResourceService, SnapshotService, TeamService } from "@penstock/api";
import { createMemoryBus } from "@penstock/bus";
import { openTestDatabase } from "@penstock/database/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PolicyHarness } from "../api/test-policy.ts";
import { routerIdentity, startPolicyHarness } from "../api/test-policy.ts";
import { resourceOf } from "../api/sample-resources.ts";
import { compileEntries } from "./compile-changes.ts";

const bus = createMemoryBus();
let replicas: PolicyHarness[] = [];

beforeAll(async () => {
  const database = await openTestDatabase();
  replicas = [
    await startPolicyHarness({ database, bus }),
    await startPolicyHarness({ database, bus }),
  ];
});
afterAll(async () => {
  for (const replica of replicas) await replica.close();
  await replicas[0]?.database.close();
  await bus.close();
});

function replica(index: number): PolicyHarness {
  const found = replicas[index % replicas.length];
  if (found === undefined) throw new Error("no replica");
  return found;
}

describe("two replicas on one database", () => {
  it("make one sequence of revisions without gaps, one event for each", async () => {
    const revisions = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const team = { name: `teams/t${index}` };
        return (await replica(index).client(TeamService).createTeam({ team })).revision;
      }),
    );
    const sorted = revisions.map(Number).toSorted((left, right) => left - right);
    expect(sorted).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    const { auditEvents } = await replica(0).client(AuditService).listAuditEvents({});
    const audited = auditEvents.map(({ revision }) => Number(revision));
    expect(audited.toReversed()).toEqual(sorted);
  });

  it("let one of two win who change the same with the same etag", async () => {
    const { team } = await replica(0).client(TeamService).getTeam({ name: "teams/t0" });
    const outcomes = await Promise.allSettled(
      [0, 1].map((index) => {
        const changed = { name: "teams/t0", etag: team?.etag ?? "", displayName: `by ${index}` };
        return replica(index).client(TeamService).updateTeam({ team: changed });
      }),
    );
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  });

  it("see each other's deletions before they plan", async () => {
    const project = resourceOf({ project: { name: "projects/p", team: "teams/t1" } });
    await replica(0).client(TeamService).deleteTeam({ name: "teams/t1" });
    const call = replica(1)
      .client(ResourceService)
      .applyResources({ resources: [project] });
    await expect(call).rejects.toMatchObject({
      reason: "FIELD_INVALID",
      fieldViolations: [{ field: "resources[0].team" }],
    });
  });

  it("store the hash that a full compilation of the stored resources gives", async () => {
    const answer = await replica(0).client(SnapshotService, routerIdentity).fetchSnapshot({});
    const entries: ConfigEntry[] = answer.entries;
    if (answer.head === undefined) throw new Error("no head");
    const { contentHash } = compileEntries(undefined, entries, answer.head);
    expect(Buffer.compare(contentHash, answer.head.contentHash)).toBe(0);
    const logged = replicas.flatMap(({ observability }) => observability.lines);
    expect(logged.filter(({ level }) => level === "error")).toEqual([]);
  });
});
