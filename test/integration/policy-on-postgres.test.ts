import type { DescService } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { createClient } from "@connectrpc/connect";
import { fromBinary } from "@bufbuild/protobuf";
import { AuditService, ConfigHeadSchema, Role, TeamService } from "@penstock/api";
import { createMemoryBus } from "@penstock/bus";
import { openDatabaseServer } from "@penstock/database";
import type { DatabaseServer } from "@penstock/database";
import { silentObservability } from "@penstock/observability";
import { createPolicyService, readPolicyConfig } from "@penstock/policy";
import type { PolicyService } from "@penstock/policy";
import { createInProcessTransport } from "@penstock/rpc";
import { Secret, systemClock } from "@penstock/runtime";
import { serverLane, startPostgres } from "@penstock/test-support";
import type { PostgresServer } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it, vi } from "vitest";

// What PGlite cannot show: writers of several replicas that really run at the same time.
serverLane("postgres").describe("policy on PostgreSQL", () => {
  const observability = silentObservability();
  const bus = createMemoryBus();
  const databases: DatabaseServer[] = [];
  const services: PolicyService[] = [];
  let postgres: PostgresServer;

  beforeAll(async () => {
    postgres = await startPostgres();
    const url = await postgres.createDatabase("policy");
    const { logger } = observability;
    for (let index = 0; index < 3; index += 1) {
      const database = await openDatabaseServer({ url, dataDir: "unused", logger });
      const config = readPolicyConfig({});
      const deps = { config, clock: systemClock, bus, database, observability };
      databases.push(database);
      services.push(await createPolicyService(deps));
    }
    await Promise.all(services.map((service) => service.start()));
  });
  afterAll(async () => {
    await Promise.all(services.map((service) => service[Symbol.asyncDispose]()));
    await Promise.all(databases.map((database) => database.close()));
    await bus.close();
    await postgres?.stop();
  });

  function client<Desc extends DescService>(index: number, desc: Desc): Client<Desc> {
    const service = services[index % services.length];
    if (service === undefined) throw new Error("no replica");
    const { transport } = createInProcessTransport(
      (router) => service.routes(router),
      {
        observability,
        authenticate: () => ({ kind: "admin", name: "alice", roles: [Role.ADMIN] }),
      },
      { token: new Secret("test-token"), tracer: observability.tracer },
    );
    return createClient(desc, transport);
  }

  it("is one installation, whichever replica started first", () => {
    expect(new Set(services.map((service) => service.installationId())).size).toBe(1);
  });

  it("writes of three replicas at once make one sequence without gaps, published to its end", async () => {
    const count = 120;
    const revisions = await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const team = { name: `teams/t${index}` };
        return (await client(index, TeamService).createTeam({ team })).revision;
      }),
    );
    const sorted = revisions.map(Number).toSorted((left, right) => left - right);
    expect(sorted).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    const { auditEvents } = await client(0, AuditService).listAuditEvents({ pageSize: 1_000 });
    expect(auditEvents.map(({ revision }) => Number(revision)).toReversed()).toEqual(sorted);
    await vi.waitFor(async () => {
      const entry = await bus.config.get("head");
      const head = fromBinary(ConfigHeadSchema, entry?.value ?? new Uint8Array(0));
      expect([head.revision, head.entryCount]).toEqual([BigInt(count), BigInt(count)]);
    }, 10_000);
    expect(await bus.config.list("teams.")).toHaveLength(count);
  });

  it("lets one of three win who change the same with the same etag", async () => {
    const { team } = await client(0, TeamService).getTeam({ name: "teams/t0" });
    const outcomes = await Promise.allSettled(
      [0, 1, 2].map((index) => {
        const changed = { name: "teams/t0", etag: team?.etag ?? "", displayName: `by ${index}` };
        return client(index, TeamService).updateTeam({ team: changed });
      }),
    );
    const statuses = outcomes.map(({ status }) => status).toSorted();
    expect(statuses).toEqual(["fulfilled", "rejected", "rejected"]);
  });

  it("makes one of racing creations with one request id, and answers all alike", async () => {
    const request = { team: { name: "teams/raced" }, requestId: "race" };
    const answers = await Promise.all(
      [0, 1, 2].map((index) => client(index, TeamService).createTeam(request)),
    );
    expect(new Set(answers.map(({ revision }) => revision)).size).toBe(1);
    expect(new Set(answers.map(({ team }) => team?.uid)).size).toBe(1);
  });
});
