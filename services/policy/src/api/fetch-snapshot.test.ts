import type { ConfigEntry } from "@penstock/api";
import { ResourceService, SnapshotService, VirtualKeyService } from "@penstock/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compileEntries } from "../changes/compile-changes.ts";
import { failureOf } from "./failure-of.ts";
import type { PolicyHarness } from "./test-policy.ts";
import { routerIdentity, startPolicyHarness } from "./test-policy.ts";
import { resourceOf, sampleResources } from "./sample-resources.ts";

let harness: PolicyHarness;

beforeAll(async () => {
  harness = await startPolicyHarness();
  const teams = Array.from({ length: 1_200 }, (_, index) =>
    resourceOf({ team: { name: `teams/t${index}` } }),
  );
  const client = harness.client(ResourceService);
  await client.applyResources({ resources: [...sampleResources(), ...teams] });
  await harness
    .client(VirtualKeyService)
    .createVirtualKey({ virtualKey: { name: "projects/shop/virtualKeys/app" } });
});
afterAll(() => harness.close());

const snapshots = () => harness.client(SnapshotService, routerIdentity);

describe("FetchSnapshot", () => {
  it("gives all entries in pages that compile to the hash of the head", async () => {
    const entries: ConfigEntry[] = [];
    let page = await snapshots().fetchSnapshot({});
    const { head } = page;
    entries.push(...page.entries);
    while (page.nextPageToken !== "") {
      page = await snapshots().fetchSnapshot({ pageToken: page.nextPageToken });
      entries.push(...page.entries);
    }
    if (head === undefined) throw new Error("no head");
    expect(entries).toHaveLength(1_211);
    expect(Number(head.entryCount)).toBe(entries.length);
    const snapshot = compileEntries(undefined, entries, head);
    expect(snapshot.problems).toEqual([]);
    expect(Buffer.from(snapshot.contentHash).toString("hex")).toBe(
      Buffer.from(head.contentHash).toString("hex"),
    );
    expect(snapshot.credentials.size).toBe(1);
  });

  it("says when the caller has the newest", async () => {
    const { head } = await snapshots().fetchSnapshot({});
    const known = { knownRevision: head?.revision ?? 0n, knownEpoch: head?.epoch ?? 0n };
    const answer = await snapshots().fetchSnapshot(known);
    expect([answer.unchanged, answer.entries.length]).toEqual([true, 0]);
  });

  it("refuses the page of a revision that is gone", async () => {
    const { nextPageToken } = await snapshots().fetchSnapshot({});
    const client = harness.client(ResourceService);
    await client.applyResources({ resources: [resourceOf({ team: { name: "teams/late" } })] });
    const error = await failureOf(snapshots().fetchSnapshot({ pageToken: nextPageToken }));
    expect(error.reason).toBe("PAGE_TOKEN_INVALID");
  });

  it("is for services only, who in turn may change nothing", async () => {
    const admin = await failureOf(harness.client(SnapshotService).fetchSnapshot({}));
    expect(admin.reason).toBe("ADMIN_PERMISSION_DENIED");
    const service = harness.client(ResourceService, routerIdentity);
    expect((await failureOf(service.applyResources({}))).reason).toBe("ADMIN_PERMISSION_DENIED");
  });
});
