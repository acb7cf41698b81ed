import type { DescService } from "@bufbuild/protobuf";
import { fromJson } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { createClient } from "@connectrpc/connect";
import type { Resource } from "@penstock/api";
import {
  ResourceSchema,
  ResourceService,
  Role,
  RolloutService,
  SnapshotService,
  VirtualKeyService,
} from "@penstock/api";
import type { Bus } from "@penstock/bus";
import { createMemoryBus } from "@penstock/bus";
import { createSnapshotFollower } from "@penstock/config-sync";
import type { SnapshotFollower } from "@penstock/config-sync";
import type { DatabaseServer } from "@penstock/database";
import { silentObservability } from "@penstock/observability";
import { createPolicyService, readPolicyConfig } from "@penstock/policy";
import type { PolicyService } from "@penstock/policy";
import type { Identity } from "@penstock/rpc";
import { createInProcessTransport } from "@penstock/rpc";
import { parseKey, Secret, systemClock } from "@penstock/runtime";
import { openTestDatabase } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it, vi } from "vitest";

const observability = silentObservability();
const clock = systemClock;
const admin: Identity = { kind: "admin", name: "alice", roles: [Role.ADMIN] };
const router: Identity = { kind: "service", name: "router", roles: [] };
const key = "projects/shop/virtualKeys/web";

interface Constellation {
  readonly bus: Bus;
  readonly policy: PolicyService;
  readonly follower: SnapshotFollower;
  client<Desc extends DescService>(desc: Desc, identity?: Identity): Client<Desc>;
  close(): Promise<void>;
}

async function startConstellation(database: DatabaseServer): Promise<Constellation> {
  const bus = createMemoryBus();
  const config = readPolicyConfig({});
  const policy = await createPolicyService({ config, clock, bus, database, observability });
  await policy.start();
  const client = <Desc extends DescService>(desc: Desc, identity: Identity = admin) => {
    const { transport } = createInProcessTransport(
      (connect) => policy.routes(connect),
      { observability, authenticate: () => identity },
      { token: new Secret("test-token"), tracer: observability.tracer },
    );
    return createClient(desc, transport);
  };
  const snapshots = client(SnapshotService, router);
  const common = { bus, clock, observability, replica: "r1", report: true, epoch: 1n };
  const follower = createSnapshotFollower({
    ...common,
    build: "test",
    fetchSnapshot: (request) => snapshots.fetchSnapshot(request),
  });
  await follower.start();
  const close = async (): Promise<void> => {
    await follower.close();
    await policy[Symbol.asyncDispose]();
    await bus.close();
  };
  return { bus, policy, follower, client, close };
}

function sample(): Resource[] {
  return [
    { team: { name: "teams/blue" } },
    { project: { name: "projects/shop", team: "teams/blue" } },
    { virtualKey: { name: key } },
  ].map((json) => fromJson(ResourceSchema, json));
}

let database: DatabaseServer;
let all: Constellation;

beforeAll(async () => {
  database = await openTestDatabase();
  all = await startConstellation(database);
});
afterAll(async () => {
  await all.close();
  await database.close();
});

async function takes(revision: bigint): Promise<void> {
  const { applied } = await all.client(RolloutService).awaitRevision({ revision });
  expect(applied).toBe(true);
  expect(all.follower.current()?.revision).toBeGreaterThanOrEqual(revision);
}

it("a change reaches a follower, who says so, with the same content hash", async () => {
  await all.follower.waitForSnapshot(AbortSignal.timeout(5_000));
  const { revision } = await all.client(ResourceService).applyResources({ resources: sample() });
  await vi.waitFor(() => expect(all.follower.current()?.revision).toBe(revision));
  await takes(revision);
  const { head } = await all.client(SnapshotService, router).fetchSnapshot({});
  expect(all.follower.current()?.contentHash).toEqual(head?.contentHash);
});

it("a new secret opens the key, and none does after its end", async () => {
  const keys = all.client(VirtualKeyService);
  const { secret, revision } = await keys.rotateVirtualKey({ name: key });
  await takes(revision);
  const id = parseKey(secret)?.id ?? "";
  expect(all.follower.current()?.credentials.get(id)?.caller.virtualKey).toBe(key);
  const revoked = await keys.revokeVirtualKey({ name: key });
  await takes(revoked.revision);
  const caller = all.follower.current()?.credentials.get(id)?.caller;
  expect(caller?.revokeTimeMs).toBeLessThanOrEqual(clock.wallMs());
});

it("a deletion reaches it too, and nothing else is lost by a restart", async () => {
  const { revision } = await all
    .client(ResourceService)
    .applyResources({ deleteNames: [key], allowEmpty: true });
  await takes(revision);
  const before = all.follower.current();
  expect([...(before?.resources.keys() ?? [])].toSorted()).toEqual(["projects/shop", "teams/blue"]);
  await all.close();
  all = await startConstellation(database);
  const after = await all.follower.waitForSnapshot(AbortSignal.timeout(5_000));
  expect([after.revision, after.installationId]).toEqual([revision, before?.installationId]);
  expect(after.contentHash).toEqual(before?.contentHash);
});
