import { request as httpsRequest } from "node:https";
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { readFileSync } from "node:fs";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { LeaseService, Role, TeamService } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { recordingObservability } from "@penstock/observability";
import { Secret } from "@penstock/runtime";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Identity } from "../call-state.ts";
import { identityOf } from "../call-state.ts";
import type { NetworkClientOptions } from "../connect-client.ts";
import { createNetworkTransport } from "../connect-client.ts";
import type { ConnectServer } from "../connect-server.ts";
import { startConnectServer } from "../connect-server.ts";
import { newAuthority, TestCertificates } from "./test-certificates.ts";
import type { CertificateFiles, CertificateWish } from "./test-certificates.ts";
import type { TlsServerFiles } from "./tls-source.ts";

const identities: Record<string, Identity> = {
  "admin-token": { kind: "admin", name: "root", roles: [Role.ADMIN] },
  "service-token": { kind: "service", name: "penstock", roles: [] },
};

let certificates: TestCertificates;
let own: CertificateFiles;
let observed: ReturnType<typeof recordingObservability>;
let server: ConnectServer;
let callers: Identity[];
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  certificates = await TestCertificates.create();
});

afterAll(() => certificates.remove());

beforeEach(async () => {
  callers = [];
  observed = recordingObservability();
  own = await certificates.files("server");
});

afterEach(async () => {
  for (const close of closers.splice(0)) close();
  await server.close(0);
});

async function start(tls: Partial<TlsServerFiles> | "cleartext" = {}): Promise<void> {
  server = await startConnectServer({
    host: "127.0.0.1",
    port: 0,
    observability: observed,
    authenticate: (token) => identities[token],
    ...(tls === "cleartext" ? {} : { tls: { ...own, clientCaFile: certificates.caFile, ...tls } }),
    routes: (router) => {
      router.service(LeaseService, {
        syncLeases: (_request, context) => {
          callers.push(identityOf(context));
          return {};
        },
      });
      router.service(TeamService, {
        getTeam: (_request, context) => {
          callers.push(identityOf(context));
          return {};
        },
      });
    },
    httpHandler: (request, response) => {
      if (request.url !== "/livez") return false;
      response.end("ok");
      return true;
    },
  });
}

interface ClientWish {
  readonly token?: string;
  readonly certificate?: CertificateWish;
  readonly tls?: NetworkClientOptions["tls"];
  readonly url?: string;
}

async function transport({ token, certificate, tls, url }: ClientWish) {
  const files = certificate === undefined ? {} : await certificates.files("client", certificate);
  const opened = createNetworkTransport({
    url: url ?? server.url,
    tracer: observed.tracer,
    ...(token === undefined ? {} : { token: new Secret(token) }),
    tls: { caFile: certificates.caFile, ...files, ...tls },
    logger: observed.logger,
  });
  closers.push(() => opened.close());
  return opened.transport;
}

async function sync(wish: ClientWish): Promise<Identity | undefined> {
  await createClient(LeaseService, await transport(wish)).syncLeases({});
  return callers.at(-1);
}

async function failure(call: Promise<unknown>): Promise<GatewayError> {
  const thrown: unknown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(GatewayError);
  return thrown as GatewayError;
}

describe("a port with TLS", () => {
  it("knows a service by the URI of its certificate", async () => {
    await start();
    expect(server.url).toMatch(/^https:/);
    const identity = await sync({ certificate: { commonName: "router" } });
    expect(identity).toEqual({ kind: "service", name: "router", role: "router", roles: [] });
    expect(observed.lines).toMatchObject([{ message: "rpc", code: "OK", identity: "router" }]);
  });

  it("knows a role by its common name when the authority writes no URIs", async () => {
    await start();
    const plain = { commonName: "router", uris: [] };
    expect(await sync({ certificate: plain })).toMatchObject({ name: "router" });
    const stranger = await failure(sync({ certificate: { commonName: "jane", uris: [] } }));
    expect(stranger.reason).toBe("ADMIN_UNAUTHENTICATED");
    expect(stranger.message).toContain("names no service");
  });

  it("takes a name from no other place than the one URI", async () => {
    await start();
    for (const uris of [
      ["spiffe://penstock/a, URI:spiffe://penstock/policy"],
      ["spiffe://elsewhere/policy"],
      ["spiffe://penstock/policy", "spiffe://penstock/router"],
    ]) {
      const error = await failure(sync({ certificate: { commonName: "policy", uris } }));
      expect(error.message).toContain("names no service");
    }
    expect(callers).toEqual([]);
  });

  it("takes tokens as before; an administrator's says who calls, a service's certificate too", async () => {
    await start();
    expect(await sync({ token: "service-token" })).toMatchObject({ name: "penstock" });
    const both = { token: "service-token", certificate: { commonName: "router" } };
    expect(await sync(both)).toMatchObject({ name: "router" });
    const admin = { token: "admin-token", certificate: { commonName: "router" } };
    const teams = createClient(TeamService, await transport(admin));
    await teams.getTeam({ name: "teams/a" });
    expect(callers.at(-1)).toMatchObject({ kind: "admin", name: "root" });
    const wrong = { token: "wrong-token", certificate: {} };
    expect((await failure(sync(wrong))).message).toBe("The token is not valid.");
  });

  it("lets a service's certificate do what services may, and no more", async () => {
    await start();
    const teams = createClient(TeamService, await transport({ certificate: {} }));
    const error = await failure(teams.getTeam({ name: "teams/a" }));
    expect(error.reason).toBe("ADMIN_PERMISSION_DENIED");
  });

  it("lets a role do what that role may, whatever token is shown beside its certificate", async () => {
    await start();
    for (const token of [undefined, "service-token"]) {
      const wish = { certificate: { commonName: "telemetry" }, ...(token && { token }) };
      const error = await failure(sync(wish));
      expect(error.reason).toBe("ADMIN_PERMISSION_DENIED");
      expect(error.metadata).toMatchObject({ identity: "telemetry", kind: "service" });
    }
    expect(callers).toEqual([]);
    expect(await sync({ token: "service-token" })).toMatchObject({ name: "penstock" });
  });

  it("says why a certificate does not count", async () => {
    await start();
    const authority = await newAuthority("Another CA");
    const unknown = await failure(sync({ certificate: { authority } }));
    expect(unknown.reason).toBe("ADMIN_UNAUTHENTICATED");
    expect(unknown.message).toBe(
      "The client certificate is not trusted here: its authority is not known.",
    );
    const alone = await failure(sync({}));
    expect(alone.message).toContain("carries no token");
    // Also beside a good token: what is shown must be good.
    const both = await failure(sync({ token: "service-token", certificate: { authority } }));
    expect(both.message).toContain("its authority is not known");
    expect(callers).toEqual([]);
  });

  it("says that a client certificate has expired", async () => {
    await start();
    const { certificatePem: cert, keyPem: key } = await certificates.issue({ endDays: -1 });
    const grpc = createGrpcTransport({
      baseUrl: server.url,
      nodeOptions: { ca: readFileSync(certificates.caFile), cert, key },
    });
    const call = createClient(LeaseService, grpc).syncLeases({});
    await expect(call).rejects.toThrow("it has expired");
  });

  it("answers /livez without a certificate, over both versions of HTTP", async () => {
    await start();
    const ca = readFileSync(certificates.caFile);
    const body = await new Promise<string>((resolve, reject) => {
      httpsRequest(`${server.url}/livez`, { ca }, (response) => {
        response.setEncoding("utf8").once("data", resolve);
      })
        .once("error", reject)
        .end();
    });
    expect(body).toBe("ok");
  });

  it("speaks TLS 1.2 and nothing older", async () => {
    await start();
    const handshake = (version: "TLSv1.1" | "TLSv1.2") =>
      new Promise<string | null>((resolve, reject) => {
        const socket = connectTls({
          host: "127.0.0.1",
          port: server.port,
          ca: readFileSync(certificates.caFile),
          minVersion: version,
          maxVersion: version,
          ciphers: "DEFAULT:@SECLEVEL=0",
        });
        socket.once("error", reject);
        socket.once("secureConnect", () => {
          resolve(socket.getProtocol());
          socket.destroy();
        });
      });
    expect(await handshake("TLSv1.2")).toBe("TLSv1.2");
    await expect(handshake("TLSv1.1")).rejects.toThrow();
  });

  it("logs a client that speaks cleartext, once", async () => {
    await start();
    for (let times = 0; times < 2; times += 1) {
      const error = await failure(
        sync({ url: server.url.replace("https", "http"), token: "service-token" }),
      );
      expect(error).toBeInstanceOf(GatewayError);
    }
    await vi.waitFor(() =>
      expect(observed.lines.filter(({ level }) => level === "warn")).toMatchObject([
        { message: expect.stringContaining("spoke cleartext on a port with TLS") },
      ]),
    );
  });
});

describe("a renewed certificate", () => {
  const serial = () =>
    new Promise<string>((resolve, reject) => {
      const socket = connectTls(
        { host: "127.0.0.1", port: server.port, ca: readFileSync(certificates.caFile) },
        () => {
          resolve(socket.getPeerCertificate().serialNumber);
          socket.destroy();
        },
      );
      socket.once("error", reject);
    });

  it("is used without a restart, and a broken one is not", async () => {
    await start({ checkIntervalMs: 10 });
    const before = await serial();
    certificates.write("server.crt", "not a certificate");
    await vi.waitFor(() =>
      expect(observed.lines).toMatchObject([
        { level: "warn", problem: expect.stringContaining("server.crt: there is no certificate") },
      ]),
    );
    expect(await serial()).toBe(before);
    await certificates.files("server");
    await vi.waitFor(async () => expect(await serial()).not.toBe(before));
  });

  it("of another authority ends what the former let in", async () => {
    const clientCaFile = certificates.write("clients.crt", certificates.authority.certificatePem);
    await start({ checkIntervalMs: 10, clientCaFile });
    const client = createClient(LeaseService, await transport({ certificate: {} }));
    await client.syncLeases({});
    certificates.write("clients.crt", (await newAuthority("Next CA")).certificatePem);
    await vi.waitFor(async () => {
      const error = await failure(client.syncLeases({}));
      expect(error.message).toContain("its authority is not known");
    });
  });

  it.each([
    ["expired", { endDays: -1 }, "the certificate expired at"],
    ["not its key's", undefined, "it is not the key of the certificate"],
  ])("that is %s keeps the server from starting", async (_what, wish, problem) => {
    await start("cleartext");
    const files = await certificates.files("bad", wish);
    const { keyPem } = await certificates.issue();
    if (wish === undefined) certificates.write("bad.key", keyPem);
    await expect(start(files)).rejects.toThrow(problem);
  });
});

describe("a client", () => {
  it("does not call a server of an unknown authority, and says what to set", async () => {
    const authority = await newAuthority("Another CA");
    await start(await certificates.files("foreign", { authority }));
    const error = await failure(sync({ token: "service-token" }));
    expect(error.reason).toBe("UNAVAILABLE");
    expect(error.message).toContain("set PENSTOCK_TLS_CA");
    expect(callers).toEqual([]);
  });

  it("does not call a server with another name, unless told which", async () => {
    await start(await certificates.files("named", { hosts: ["policy.internal"] }));
    const error = await failure(sync({ token: "service-token" }));
    expect(error.message).toContain("its certificate is for other names");
    const tls = { serverName: "policy.internal" };
    expect(await sync({ token: "service-token", tls })).toMatchObject({ name: "penstock" });
  });

  it("reads a renewed authority, also after one that could not be read", async () => {
    await start();
    const caFile = certificates.write("trust.crt", (await newAuthority("Old")).certificatePem);
    const client = createClient(
      LeaseService,
      await transport({ token: "service-token", tls: { caFile } }),
    );
    expect((await failure(client.syncLeases({}))).reason).toBe("UNAVAILABLE");
    certificates.write("trust.crt", "rubbish");
    expect((await failure(client.syncLeases({}))).reason).toBe("UNAVAILABLE");
    expect(observed.lines).toMatchObject([
      { level: "warn", problem: expect.stringContaining("trust.crt") },
    ]);
    certificates.write("trust.crt", certificates.authority.certificatePem);
    await client.syncLeases({});
    expect(callers).toHaveLength(1);
  });

  it("is told that there is no TLS, and the server logs it", async () => {
    await start("cleartext");
    const url = server.url.replace("http", "https");
    const error = await failure(sync({ token: "service-token", url }));
    expect(error.reason).toBe("UNAVAILABLE");
    expect(error.message).toContain("does it speak TLS");
    expect(observed.lines).toMatchObject([
      { level: "warn", message: expect.stringContaining("spoke TLS on a port without it") },
    ]);
  });

  it("sends no token in cleartext to another machine, unless allowed", async () => {
    await start();
    const options = {
      url: "http://10.0.0.1:8082",
      tracer: observed.tracer,
      token: new Secret("service-token"),
    };
    expect(() => createNetworkTransport(options)).toThrow("PENSTOCK_ALLOW_CLEARTEXT=on");
    createNetworkTransport({ ...options, allowCleartext: true }).close();
    createNetworkTransport({ ...options, url: "https://10.0.0.1:8082" }).close();
    createNetworkTransport({ url: options.url, tracer: observed.tracer }).close();
  });
});

describe("two authorization headers", () => {
  it("are refused when they differ", async () => {
    await start("cleartext");
    const send = (second: string) =>
      new Promise<string>((resolve) => {
        const socket = connectTcp(server.port, "127.0.0.1");
        socket.once("data", (chunk) => {
          resolve(String(chunk));
          socket.destroy();
        });
        socket.write(
          "POST /penstock.policy.v1.TeamService/GetTeam HTTP/1.1\r\nhost: x\r\n" +
            "content-type: application/json\r\ncontent-length: 2\r\n" +
            `authorization: Bearer admin-token\r\nAuthorization: Bearer ${second}\r\n\r\n{}`,
        );
      });
    expect(await send("admin-token")).toMatch(/^HTTP\/1.1 200/);
    expect(await send("other-token")).toMatch(/^HTTP\/1.1 401[^]*two authorization headers/);
    expect(callers).toHaveLength(1);
  });
});
