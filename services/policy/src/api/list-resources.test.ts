import { AuditService, ResourceService, TeamService, VirtualKeyService } from "@penstock/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failureOf } from "./failure-of.ts";
import type { PolicyHarness } from "./test-policy.ts";
import { startPolicyHarness } from "./test-policy.ts";
import { resourceOf, sampleResources } from "./sample-resources.ts";

let harness: PolicyHarness;

beforeAll(async () => {
  harness = await startPolicyHarness();
  const teams = Array.from({ length: 25 }, (_, index) => {
    const id = String(index).padStart(2, "0");
    return resourceOf({ team: { name: `teams/t${id}`, labels: { odd: String(index % 2) } } });
  });
  await harness
    .client(ResourceService)
    .applyResources({ resources: [...sampleResources(), ...teams] });
});
afterAll(() => harness.close());

describe("pages", () => {
  it("hold everything once and end with an empty token", async () => {
    const seen: string[] = [];
    let pageToken = "";
    let pages = 0;
    do {
      const page = await harness.client(TeamService).listTeams({ pageSize: 10, pageToken });
      seen.push(...page.teams.map(({ name }) => name));
      pageToken = page.nextPageToken;
      pages += 1;
    } while (pageToken !== "");
    expect(pages).toBe(3);
    expect(seen).toHaveLength(26);
    expect(seen).toEqual([...new Set(seen)].toSorted());
  });

  it("refuse tokens that were tampered with or belong to another query", async () => {
    const client = harness.client(ResourceService);
    const { nextPageToken } = await client.listResources({ pageSize: 1 });
    const at = nextPageToken.length - 4;
    const swapped = nextPageToken[at] === "A" ? "B" : "A";
    const tampered = `${nextPageToken.slice(0, at)}${swapped}${nextPageToken.slice(at + 1)}`;
    const requests = [
      client.listResources({ pageToken: tampered }),
      client.listResources({ pageToken: nextPageToken, collections: ["teams"] }),
      harness.client(TeamService).listTeams({ pageToken: nextPageToken }),
      harness.client(AuditService).listAuditEvents({ pageToken: nextPageToken }),
    ];
    for (const request of requests) {
      expect((await failureOf(request)).reason).toBe("PAGE_TOKEN_INVALID");
    }
  });

  it("refuse a negative size and unknown collections", async () => {
    const client = harness.client(ResourceService);
    const negative = await failureOf(client.listResources({ pageSize: -1 }));
    expect(negative.fieldViolations[0]?.field).toBe("page_size");
    const unknown = await failureOf(client.listResources({ collections: ["teams", "things"] }));
    expect(unknown.fieldViolations[0]?.field).toBe("collections[1]");
  });

  it("are narrowed by collection, labels and parent", async () => {
    const { resources } = await harness
      .client(ResourceService)
      .listResources({ collections: ["teams"], labels: { odd: "1" } });
    expect(resources).toHaveLength(12);
    const keys = harness.client(VirtualKeyService);
    expect((await keys.listVirtualKeys({ parent: "projects/shop" })).virtualKeys).toHaveLength(1);
    expect((await keys.listVirtualKeys({ parent: "projects/sho" })).virtualKeys).toHaveLength(0);
    const none = await failureOf(keys.listVirtualKeys({}));
    expect(none.fieldViolations[0]?.field).toBe("parent");
  });
});

describe("the audit log", () => {
  it("tells who changed what, how and from what to what, newest first", async () => {
    const teams = harness.client(TeamService);
    const { team } = await teams.createTeam({ team: { name: "teams/audited" } });
    await teams.updateTeam({ team: { name: "teams/audited", displayName: "New" } });
    await teams.deleteTeam({ name: "teams/audited" });
    const audit = harness.client(AuditService);
    const first = await audit.listAuditEvents({ resource: "teams/audited", pageSize: 2 });
    expect(first.auditEvents.map(({ method }) => method)).toEqual([
      "penstock.policy.v1.TeamService/DeleteTeam",
      "penstock.policy.v1.TeamService/UpdateTeam",
    ]);
    const rest = await audit.listAuditEvents({
      resource: "teams/audited",
      pageToken: first.nextPageToken,
    });
    const [creation] = rest.auditEvents;
    expect(rest.auditEvents).toHaveLength(1);
    expect(creation).toMatchObject({ actor: "alice", revision: team?.revision, beforeJson: "" });
    expect(creation?.requestId).toMatch(/^[0-9a-f-]{36}$/);
    const change = first.auditEvents[1];
    expect(JSON.parse(change?.afterJson ?? "").team.displayName).toBe("New");
    expect(change?.beforeJson).toBe(creation?.afterJson);
  });

  it("ends a page early when its events are large", async () => {
    const teams = harness.client(TeamService);
    const annotations = Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [`note-${index}`, "x".repeat(4_000)]),
    );
    for (let version = 0; version < 12; version += 1) {
      const team = { name: "teams/large", displayName: `v${version}`, annotations };
      await teams.updateTeam({ team, allowMissing: true });
    }
    const audit = harness.client(AuditService);
    const page = await audit.listAuditEvents({ resource: "teams/large" });
    expect(page.auditEvents.length).toBeLessThan(12);
    const { nextPageToken: pageToken } = page;
    const rest = await audit.listAuditEvents({ resource: "teams/large", pageToken });
    const ids = [...page.auditEvents, ...rest.auditEvents].map(({ id }) => id);
    expect(new Set(ids).size).toBe(12);
  });
});
