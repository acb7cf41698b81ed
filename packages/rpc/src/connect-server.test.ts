import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import type { ConnectRouter } from "@connectrpc/connect";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { InferenceService, LeaseService, Role, TeamService } from "@penstock/api";
import { GatewayError, helpPath } from "@penstock/errors";
import { recordingObservability } from "@penstock/observability";
import { Secret } from "@penstock/runtime";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Identity } from "./call-state.ts";
import { identityOf, requestIdOf, spanContextOf } from "./call-state.ts";
import { callOptions, createInProcessTransport, createNetworkTransport } from "./connect-client.ts";
import type { ConnectServer } from "./connect-server.ts";
import { startConnectServer } from "./connect-server.ts";
import { fromConnectError } from "./connect-error.ts";
import { markNeighbourError } from "./neighbour-error.ts";

const identities: Record<string, Identity> = {
  "admin-token": { kind: "admin", name: "root", roles: [Role.ADMIN] },
  "viewer-token": { kind: "admin", name: "eve", roles: [Role.VIEWER] },
  "service-token": { kind: "service", name: "router", roles: [] },
};
const authenticate = (token: string) => identities[token];
const requestId = "01234567-89ab-7cde-8f01-23456789abcd";
const parentSpan = { traceId: "a".repeat(32), spanId: "b".repeat(16), sampled: true };

let seen: unknown[];
let release: () => void;
let waiting: Promise<void>;

/** Team names choose what the implementation does. */
function routes(router: ConnectRouter): void {
  router.service(TeamService, {
    getTeam: async ({ name }, context) => {
      seen.push({ identity: identityOf(context), requestId: requestIdOf(context) });
      if (name === "teams/missing") throw notFound();
      if (name === "teams/neighbour") throw markNeighbourError(notFound(), undefined);
      if (name === "teams/bug") throw new Error("password=hunter2");
      if (name === "teams/slow") await waiting;
      if (name === "teams/stuck") await new Promise(() => undefined);
      return { team: { name, displayName: spanContextOf(context)?.traceId ?? "" } };
    },
    createTeam: ({ team }) => ({ team: team ?? {} }),
  });
  router.service(LeaseService, { syncLeases: () => ({}) });
}

function notFound(): GatewayError {
  const resource = { type: "teams", name: "teams/missing" };
  return new GatewayError("RESOURCE_NOT_FOUND", "There is no such team.", { resource });
}

let server: ConnectServer;
let observed: ReturnType<typeof recordingObservability>;
const closers: (() => void)[] = [];

beforeEach(async () => {
  seen = [];
  ({ promise: waiting, resolve: release } = Promise.withResolvers<void>());
  observed = recordingObservability();
  server = await startConnectServer({
    host: "127.0.0.1",
    port: 0,
    routes,
    observability: observed,
    authenticate,
    httpHandler: (request, response) => {
      if (request.url !== "/livez") return false;
      response.end("ok");
      return true;
    },
  });
});

afterEach(async () => {
  for (const close of closers.splice(0)) close();
  release();
  await server.close(0);
});

function clientOptions(token?: string) {
  const { tracer } = observed;
  return token === undefined ? { tracer } : { tracer, token: new Secret(token) };
}

function transportOf(kind: string, token?: string) {
  const opened =
    kind === "network"
      ? createNetworkTransport({ ...clientOptions(token), url: server.url })
      : createInProcessTransport(
          routes,
          { observability: observed, authenticate, defaultDeadlineMs: 100 },
          clientOptions(token),
        );
  closers.push(() => opened.close());
  return opened.transport;
}

async function failure(call: Promise<unknown>): Promise<GatewayError> {
  const thrown: unknown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(GatewayError);
  return thrown as GatewayError;
}

describe.each(["network", "in-process"])("a service called by %s", (kind) => {
  const teams = (token?: string) => createClient(TeamService, transportOf(kind, token));

  it("answers, knows its caller and continues the trace", async () => {
    const options = callOptions({ span: parentSpan, requestId });
    let header: Headers | undefined;
    const answer = await teams("admin-token").getTeam(
      { name: "teams/a" },
      {
        ...options,
        onHeader: (headers) => {
          header = headers;
        },
      },
    );
    expect(answer.team).toMatchObject({ name: "teams/a", displayName: parentSpan.traceId });
    expect(seen).toEqual([{ identity: identities["admin-token"], requestId }]);
    expect(header?.get("x-request-id")).toBe(requestId);
    expect(header?.get("x-penstock-trace-id")).toBe(parentSpan.traceId);
    const [serverSpan, clientSpan] = observed.records;
    expect(serverSpan).toMatchObject({
      name: "penstock.policy.v1.TeamService/GetTeam",
      kind: "server",
      parentSpanId: clientSpan?.context.spanId,
      status: "unset",
      attributes: { "rpc.system.name": "connectrpc", "rpc.response.status_code": "OK" },
    });
    expect(clientSpan).toMatchObject({ kind: "client", parentSpanId: parentSpan.spanId });
    expect(observed.lines).toMatchObject([
      { message: "rpc", code: "OK", identity: "root", request_id: requestId },
    ]);
  });

  it("tells its error with all details", async () => {
    const call = teams("admin-token").getTeam(
      { name: "teams/missing" },
      callOptions({ requestId }),
    );
    expect(await failure(call)).toMatchObject({
      reason: "RESOURCE_NOT_FOUND",
      message: "There is no such team.",
      resource: { type: "teams", name: "teams/missing" },
      requestId,
      source: "downstream",
    });
    expect(observed.records[0]).toMatchObject({
      status: "unset",
      attributes: { "error.type": "RESOURCE_NOT_FOUND", "rpc.response.status_code": "NOT_FOUND" },
    });
  });

  it("never passes a neighbour's refusal through", async () => {
    const error = await failure(teams("admin-token").getTeam({ name: "teams/neighbour" }));
    expect(error.reason).toBe("INTERNAL");
    expect(error.message).not.toContain("no such team");
  });

  it("says nothing about an unexpected error and logs it under the request id", async () => {
    const call = teams("admin-token").getTeam({ name: "teams/bug" }, callOptions({ requestId }));
    const error = await failure(call);
    expect(error.reason).toBe("INTERNAL");
    expect(error.message).not.toContain("hunter2");
    expect(observed.lines[0]).toMatchObject({ level: "error", request_id: requestId });
    expect(observed.records[0]?.status).toBe("error");
  });

  it.each([
    [undefined, "ADMIN_UNAUTHENTICATED"],
    ["wrong-token", "ADMIN_UNAUTHENTICATED"],
    ["service-token", "ADMIN_PERMISSION_DENIED"],
  ])("refuses the token %s with %s", async (token, reason) => {
    const error = await failure(teams(token).getTeam({ name: "teams/a" }));
    expect(error.reason).toBe(reason);
    expect(error.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(seen).toEqual([]);
    expect(observed.lines).toMatchObject([{ message: "rpc", reason }]);
  });

  it("looks at the role, and lets services call what is theirs", async () => {
    const call = teams("viewer-token").createTeam({ team: { name: "teams/a" } });
    expect((await failure(call)).reason).toBe("ADMIN_PERMISSION_DENIED");
    await createClient(LeaseService, transportOf(kind, "service-token")).syncLeases({});
    const denied = createClient(LeaseService, transportOf(kind, "admin-token")).syncLeases({});
    expect((await failure(denied)).reason).toBe("ADMIN_PERMISSION_DENIED");
  });

  it("answers at the caller's deadline and tells the caller who cancelled", async () => {
    const client = teams("admin-token");
    const late = client.getTeam({ name: "teams/stuck" }, callOptions({ timeoutMs: 30 }));
    expect((await failure(late)).reason).toBe("DEADLINE_EXCEEDED");
    const controller = new AbortController();
    const { signal } = controller;
    const cancelled = client.getTeam({ name: "teams/stuck" }, callOptions({ signal }));
    await vi.waitFor(() => expect(seen).toHaveLength(2));
    controller.abort();
    expect((await failure(cancelled)).reason).toBe("CANCELLED");
  });

  it("says UNIMPLEMENTED of an RPC that nobody wrote", async () => {
    const error = await failure(teams("admin-token").deleteTeam({ name: "teams/a" }));
    expect(error.reason).toBe("UNIMPLEMENTED");
  });

  it("refuses texts beyond the bounds by their path", async () => {
    const team = { name: "teams/a", labels: { key: "x".repeat(65_537) } };
    const error = await failure(teams("admin-token").createTeam({ team }));
    expect(error.reason).toBe("FIELD_INVALID");
    expect(error.fieldViolations).toMatchObject([{ field: "team.labels[key]" }]);
  });
});

describe("the port", () => {
  it("speaks gRPC, gRPC-Web and Connect with JSON, and serves plain paths", async () => {
    const headers = { authorization: "Bearer admin-token" };
    const baseUrl = server.url;
    for (const transport of [
      createGrpcTransport({ baseUrl }),
      createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
    ]) {
      const client = createClient(TeamService, transport);
      const { team } = await client.getTeam({ name: "teams/a" }, { headers });
      expect(team?.name).toBe("teams/a");
      const refused = client.getTeam({ name: "teams/missing" }, { headers });
      const error: unknown = await refused.catch((thrown: unknown) => thrown);
      expect(fromConnectError(error)).toMatchObject({ reason: "RESOURCE_NOT_FOUND" });
    }
    const response = await fetch(`${baseUrl}/penstock.policy.v1.TeamService/GetTeam`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: '{"name":"teams/missing"}',
    });
    expect(response.status).toBe(404);
    expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    const body = (await response.json()) as { details: { type: string }[] };
    expect(body.details.map(({ type }) => type)).toContain("google.rpc.ErrorInfo");
    expect(await (await fetch(`${baseUrl}/livez`)).text()).toBe("ok");
    expect((await fetch(`${baseUrl}/elsewhere`)).status).toBe(404);
    const help = await fetch(`${baseUrl}${helpPath("RESOURCE_NOT_FOUND")}`);
    expect(help.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(await help.text()).toMatch(/^# RESOURCE_NOT_FOUND\n/);
  });

  it("takes first bytes that come one by one", async () => {
    const socket = connectTcp(server.port, "127.0.0.1");
    socket.setNoDelay(true);
    const chunks: string[] = [];
    socket.on("data", (chunk) => chunks.push(String(chunk)));
    for (const character of "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n") {
      await new Promise<void>((resolve) => socket.write(character, () => resolve()));
    }
    await vi.waitFor(() => expect(chunks.join("")).toMatch(/^HTTP\/1.1 200 OK[^]*ok$/));
    socket.destroy();
  });

  it("refuses a message over the bound without calling the implementation", async () => {
    const response = await fetch(`${server.url}/penstock.policy.v1.TeamService/GetTeam`, {
      method: "POST",
      headers: { authorization: "Bearer admin-token", "content-type": "application/json" },
      body: JSON.stringify({ name: "x".repeat(5_000_000) }),
    });
    expect(response.status).toBe(429);
    expect(seen).toEqual([]);
    expect(observed.lines).toMatchObject([{ message: "rpc", reason: "REQUEST_TOO_LARGE" }]);
    expect(observed.records).toMatchObject([{ attributes: { "error.type": "REQUEST_TOO_LARGE" } }]);
  });

  it("announces its bound of concurrent streams", async () => {
    const session = connectHttp2(server.url);
    await new Promise<void>((resolve) => session.once("remoteSettings", () => resolve()));
    expect(session.remoteSettings.maxConcurrentStreams).toBe(256);
    session.destroy();
  });

  it("lets open calls finish when it closes, and takes no new ones", async () => {
    const client = createClient(TeamService, transportOf("network", "admin-token"));
    const call = client.getTeam({ name: "teams/slow" });
    await vi.waitFor(() => expect(seen).toHaveLength(1));
    const closed = server.close(5_000);
    await expect(fetch(`${server.url}/livez`)).rejects.toThrow();
    release();
    expect((await call).team?.name).toBe("teams/slow");
    await closed;
  });

  it("answers the last request of a kept connection and closes it", async () => {
    const socket = connectTcp(server.port, "127.0.0.1");
    const chunks: string[] = [];
    socket.on("data", (chunk) => chunks.push(String(chunk)));
    socket.write("GET /livez HTTP/1.1\r\nhost: x\r\nx-part: ");
    await vi.waitFor(() => expect(socket.bytesWritten).toBeGreaterThan(0));
    await fetch(`${server.url}/livez`);
    const closed = server.close(5_000);
    socket.write("1\r\n\r\n");
    await closed;
    expect(chunks.join("").toLowerCase()).toMatch(/^http\/1.1 200 ok[^]*connection: close[^]*ok$/);
  });

  it("cuts open calls off at the deadline of closing", async () => {
    const client = createClient(TeamService, transportOf("network", "admin-token"));
    const call = failure(client.getTeam({ name: "teams/stuck" }));
    await vi.waitFor(() => expect(seen).toHaveLength(1));
    await server.close(20);
    expect(["CANCELLED", "UNAVAILABLE", "INTERNAL"]).toContain((await call).reason);
  });

  it("tells a caller of a port that is closed UNAVAILABLE", async () => {
    const client = createClient(TeamService, transportOf("network", "admin-token"));
    await server.close(0);
    expect((await failure(client.getTeam({ name: "teams/a" }))).reason).toBe("UNAVAILABLE");
  });

  it("does not start when an RPC does not say who may call it", async () => {
    const method = { ...InferenceService.method.generate, proto: { options: undefined } };
    const undeclared = { ...InferenceService, methods: [method] };
    const start = startConnectServer({
      host: "127.0.0.1",
      port: 0,
      observability: observed,
      authenticate,
      routes: (router) => {
        routes(router);
        Object.assign(router.handlers[0] as object, { service: undeclared });
      },
    });
    await expect(start).rejects.toThrow("InferenceService/Generate");
  });
});
