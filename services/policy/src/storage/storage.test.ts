import { ResourceService, VirtualKeyService } from "@penstock/api";
import { sql } from "kysely";
import { expect, it, vi } from "vitest";
import { startPolicyHarness } from "../api/test-policy.ts";
import { sampleResources } from "../api/sample-resources.ts";
import { connectStorage } from "./open-storage.ts";

it("no secret of a key or token is in any row, bus entry, span or log line", async () => {
  const harness = await startPolicyHarness();
  const db = connectStorage(harness.database);
  await harness.client(ResourceService).applyResources({ resources: sampleResources() });
  const keys = harness.client(VirtualKeyService);
  const name = "projects/shop/virtualKeys/canary";
  const created = await keys.createVirtualKey({ virtualKey: { name }, requestId: "canary" });
  const rotated = await keys.rotateVirtualKey({ name });
  await keys.revokeVirtualKey({ name, reason: "canary" });
  const token = await harness.service.ensureAdminToken();
  const given = "operator-chosen-canary-token";
  await harness.service.ensureAdminToken({ token: given });

  // The secret part alone, so that the public id, which is stored, does not count.
  const texts = [created.secret, rotated.secret, token ?? ""].map((text) => text.slice(17));
  const canaries = [...texts, given];
  expect(new Set(canaries.map((text) => text.length > 20))).toEqual(new Set([true]));

  const { rows: tables } = await sql<{ name: string }>`
    select table_name as name from information_schema.tables where table_schema = 'policy'`.execute(
    db,
  );
  expect(tables.length).toBeGreaterThanOrEqual(7);
  const places: string[] = [];
  for (const table of tables) {
    const { rows } = await sql`select * from ${sql.id("policy", table.name)}`.execute(db);
    for (const row of rows as Record<string, unknown>[]) {
      for (const value of Object.values(row)) {
        places.push(Buffer.isBuffer(value) ? value.toString("latin1") : String(value));
      }
    }
  }
  await vi.waitFor(async () => expect(await harness.bus.config.get("head")).toBeDefined());
  for (const { value } of await harness.bus.config.list()) {
    places.push(Buffer.from(value).toString("latin1"));
  }
  places.push(JSON.stringify(harness.observability.lines));
  places.push(JSON.stringify(harness.observability.records));
  const all = places.join("\n");
  expect(all).toContain("projects/shop/virtualKeys/canary");
  for (const canary of canaries) expect(all.includes(canary)).toBe(false);

  const { rows: audited } = await sql<{ json: string }>`
    select after_json as json from policy.audit_event where resource = ${name}`.execute(db);
  expect(audited).toHaveLength(3);
  const { rows: stored } = await sql<{ sha256: string }>`
    select sha256 from (select encode(body, 'base64') as sha256 from policy.resource
    where name = ${name}) as body`.execute(db);
  expect(stored).toHaveLength(1);
  for (const { json } of audited) expect(json).not.toContain("sha256");
  await harness.close();
});
