import { TeamService } from "@penstock/api";
import { Role } from "@penstock/api";
import { createMemoryBus } from "@penstock/bus";
import { openTestDatabase } from "@penstock/database/testing";
import { silentObservability } from "@penstock/observability";
import { createInProcessTransport, startConnectServer } from "@penstock/rpc";
import { Secret, systemClock } from "@penstock/runtime";
import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PolicyService } from "../service.ts";
import { createPolicyService } from "../service.ts";
import { failureOf } from "./failure-of.ts";

const observability = silentObservability();
const bus = createMemoryBus();
const authenticate = () => ({ kind: "admin" as const, name: "alice", roles: [Role.ADMIN] });
let database: Awaited<ReturnType<typeof openTestDatabase>>;
let service: PolicyService;

beforeAll(async () => {
  database = await openTestDatabase();
  const config = { housekeepingIntervalMs: 60_000 };
  service = await createPolicyService({ config, clock: systemClock, bus, database, observability });
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await database.close();
  await bus.close();
});

describe("the routes", () => {
  it("answer NOT_READY before the database was prepared, and work then", async () => {
    const { transport } = createInProcessTransport(
      (router) => service.routes(router),
      { observability, authenticate },
      { token: new Secret("test-token"), tracer: observability.tracer },
    );
    const teams = createClient(TeamService, transport);
    expect((await failureOf(teams.listTeams({}))).reason).toBe("NOT_READY");
    expect(() => service.installationId()).toThrow(
      expect.objectContaining({ reason: "NOT_READY" }),
    );
    await service.start();
    expect((await teams.listTeams({})).teams).toEqual([]);
  });

  it("refuse a field that does not exist, and calls without a token", async () => {
    const routes = service.routes.bind(service);
    const serving = { observability, authenticate, routes };
    const server = await startConnectServer({ ...serving, host: "127.0.0.1", port: 0 });
    const call = async (headers: Record<string, string>, body: string): Promise<Response> =>
      await fetch(`${server.url}/penstock.policy.v1.TeamService/CreateTeam`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body,
      });
    const authorization = "Bearer test-token";
    const body = '{"team":{"name":"teams/x","role":"owner"}}';
    const unknown = await call({ authorization }, body);
    expect(unknown.status).toBe(400);
    expect(await unknown.text()).toContain("role");
    expect((await call({}, body)).status).toBe(401);
    await server.close(1_000);
  });
});
