import { createServer as createHttpServer } from "node:http";
import type { IncomingMessage, RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { ServerOptions } from "node:https";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { createAuthority } from "@penstock/certificates";
import type { Authority, IssuedCertificate } from "@penstock/certificates";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { RecordingSink } from "./upstream-client.fixture.ts";
import { call, client, closeAll, listen, target } from "./upstream-client.fixture.ts";
import type { UpstreamClientOptions } from "./upstream-client.ts";

const folder = mkdtempSync(join(tmpdir(), "penstock-transport-"));
const validity = {
  notBefore: new Date(Date.now() - 3_600_000),
  notAfter: new Date(Date.now() + 3_600_000),
};
let authority: Authority;
let server: IssuedCertificate;
let ours: IssuedCertificate;

beforeAll(async () => {
  authority = await createAuthority("Test", validity);
  server = await authority.issue({ commonName: "v", hosts: ["vendor.test"] }, validity);
  ours = await authority.issue({ commonName: "router", hosts: [] }, validity);
});
afterEach(closeAll);
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const transport = (fields: object = {}) => ({
  proxy: "",
  caBundleFile: file("ca.crt", authority.certificatePem),
  clientCertificateFile: "",
  clientKeyFile: "",
  serverName: "",
  allowedCidrs: [],
  ...fields,
});

/** A server behind TLS; gives its port. */
async function serveTls(handle: RequestListener, options: ServerOptions = {}): Promise<string> {
  const pem = { cert: server.certificatePem, key: server.keyPem };
  const origin = await listen(createTlsServer({ ...pem, ...options }, handle));
  return new URL(origin).port;
}

const loopback: NonNullable<UpstreamClientOptions["lookup"]> = (_name, _options, callback) =>
  callback(null, [{ address: "127.0.0.1", family: 4 }]);

async function send(origin: string, provider: object, lookup = loopback): Promise<RecordingSink> {
  const { sink } = call(client({ lookup }), target(origin, provider));
  await sink.ended;
  return sink;
}

const tlsFailed = { class: "CONNECTION", cause: "tls_failed" };
const answer: RequestListener = (_request, response) => void response.end("{}");

describe("TLS to a provider", () => {
  it("trusts the certificates of the configuration", async () => {
    const port = await serveTls(answer);
    const trusted = await send(`https://vendor.test:${port}`, { transport: transport() });
    expect([trusted.failure, trusted.status]).toEqual([undefined, 200]);
    const unknown = await send(`https://vendor.test:${port}`, {});
    expect(unknown.failure).toMatchObject({ ...tlsFailed, sentBytes: false });
  });

  it("checks the name of the address, or the one that the configuration gives", async () => {
    const names: unknown[] = [];
    const port = await serveTls((request, response) => {
      names.push((request.socket as TLSSocket).servername);
      response.end("{}");
    });
    const origin = `https://other.test:${port}`;
    const wrong = await send(origin, { transport: transport() });
    expect(wrong.failure).toMatchObject({ ...tlsFailed, sentBytes: false });
    const named = await send(origin, { transport: transport({ serverName: "vendor.test" }) });
    expect(named.status).toBe(200);
    expect(names).toEqual(["vendor.test"]);
  });

  it("shows our certificate to who asks for it", async () => {
    const subjects: unknown[] = [];
    const options = { ca: authority.certificatePem, requestCert: true, rejectUnauthorized: true };
    const port = await serveTls((request, response) => {
      subjects.push((request.socket as TLSSocket).getPeerCertificate().subject.CN);
      response.end("{}");
    }, options);
    const origin = `https://vendor.test:${port}`;
    expect((await send(origin, { transport: transport() })).failure).toBeDefined();
    const own = {
      clientCertificateFile: file("router.crt", ours.certificatePem),
      clientKeyFile: file("router.key", ours.keyPem),
    };
    const shown = await send(origin, { transport: transport(own) });
    expect([shown.failure, shown.status]).toEqual([undefined, 200]);
    expect(subjects).toEqual(["router"]);
  });

  it("says which target can't be called when a file of its transport is missing", async () => {
    const gone = transport({ caBundleFile: join(folder, "nothing") });
    const { failure } = await send("https://vendor.test", { transport: gone });
    expect(failure).toMatchObject({ ...tlsFailed, sentBytes: false });
    expect(failure?.code).toBe("TRANSPORT_UNREADABLE");
  });
});

/** A proxy that opens tunnels to a port, whatever name it is asked for; notes what it was told. */
async function serveProxy(port: string): Promise<{ proxy: string; heads: string[] }> {
  const heads: string[] = [];
  const proxy = await listen(
    createTcpServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", (head) => {
        heads.push(head.toString());
        const onward = connect(Number(port), "127.0.0.1", () => {
          socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
          socket.pipe(onward).pipe(socket);
        });
        onward.on("error", () => undefined);
      });
    }),
  );
  return { proxy, heads };
}

describe("a client certificate that can't be used", () => {
  it("is a failure of the connection, also through a proxy, as often as it is tried", async () => {
    const { proxy } = await serveProxy(await serveTls(answer));
    const broken = {
      clientCertificateFile: file("broken.crt", "no certificate"),
      clientKeyFile: file("router.key", ours.keyPem),
    };
    for (const fields of [broken, { ...broken, proxy }]) {
      const to = target("https://vendor.test", { transport: transport(fields) });
      const upstream = client({ lookup: loopback });
      for (let time = 0; time < 3; time += 1) {
        const { sink } = call(upstream, to);
        await sink.ended;
        expect(sink.failure).toMatchObject({ class: "CONNECTION", sentBytes: false });
        expect(upstream.isFull(to)).toBe(false);
      }
    }
  });
});

describe("a proxy", () => {
  it("carries TLS from end to end: it sees the name and no word of the request", async () => {
    const seen: (string | undefined)[] = [];
    const port = await serveTls((request, response) => {
      seen.push(request.headers.authorization);
      response.end("{}");
    });
    const { proxy, heads } = await serveProxy(port);
    const lookup = vi.fn(loopback);
    const through = transport({ proxy });
    const sink = await send("https://vendor.test", { transport: through }, lookup);
    expect([sink.failure, sink.status]).toEqual([undefined, 200]);
    expect(seen).toEqual(["Bearer sk-test"]);
    expect(heads).toEqual(["CONNECT vendor.test:443 HTTP/1.1\r\nhost: vendor.test:443\r\n\r\n"]);
    // The proxy resolves names; ours is not asked for the provider's.
    expect(lookup.mock.calls.map(([name]) => name)).not.toContain("vendor.test");
  });

  it("is a failure of the connection when it refuses, hangs or is a metadata service", async () => {
    const refusing = await listen(
      createTcpServer((socket) => socket.end("HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n")),
    );
    const refused = await send("https://vendor.test", {
      transport: transport({ proxy: refusing }),
    });
    expect(refused.failure).toMatchObject({ class: "CONNECTION", sentBytes: false });
    const hanging = await listen(createTcpServer(() => undefined));
    const late = await send("https://vendor.test", { transport: transport({ proxy: hanging }) });
    expect(late.failure).toMatchObject({ class: "TIMEOUT_CONNECT", sentBytes: false });
    for (const proxy of ["http://169.254.169.254:80", "http://proxy.test:80"]) {
      const lookup: typeof loopback = (_name, _options, callback) =>
        callback(null, [{ address: "169.254.169.254", family: 4 }]);
      const { failure } = await send(
        "https://vendor.test",
        { transport: transport({ proxy }) },
        lookup,
      );
      expect(failure?.message).toContain("PENSTOCK_ADDRESS_REFUSED");
    }
  });

  it("is never taken from the environment", async () => {
    vi.stubEnv("HTTP_PROXY", "http://127.0.0.1:9");
    vi.stubEnv("HTTPS_PROXY", "http://127.0.0.1:9");
    vi.stubEnv("NODE_USE_ENV_PROXY", "1");
    const port = await serveTls(answer);
    const sink = await send(`https://vendor.test:${port}`, { transport: transport() });
    vi.unstubAllEnvs();
    expect(sink.status).toBe(200);
  });
});

describe("egress", () => {
  it("is checked at each connection: a name that changes its address is refused then", async () => {
    let requests = 0;
    const origin = await listen(
      createHttpServer((_request: IncomingMessage, response) => {
        requests += 1;
        // Each call makes a connection of its own, and so a look-up.
        response.writeHead(200, { connection: "close" }).end("{}");
      }),
    );
    const addresses = ["127.0.0.1", "10.0.0.1"];
    const lookup: typeof loopback = (_name, _options, callback) =>
      callback(null, [{ address: addresses.shift() ?? "", family: 4 }]);
    const only = {
      privateNetwork: false,
      transport: transport({ allowedCidrs: ["127.0.0.1/32"] }),
    };
    const to = target(`http://rebound.test:${new URL(origin).port}`, only);
    const upstream = client({ lookup });
    const first = call(upstream, to);
    await first.sink.ended;
    expect(first.sink.status).toBe(200);
    const second = call(upstream, to);
    await second.sink.ended;
    expect(second.sink.failure).toMatchObject({ class: "CONNECTION", sentBytes: false });
    expect(second.sink.failure?.message).toContain("PENSTOCK_ADDRESS_REFUSED");
    expect(requests).toBe(1);
  });

  it("follows no redirect, and sends the credential nowhere else", async () => {
    const elsewhere = vi.fn(answer);
    const other = await listen(createHttpServer(elsewhere));
    const origin = await listen(
      createHttpServer((_request, response) => {
        response.writeHead(302, { location: `${other}/latest/meta-data` }).end();
      }),
    );
    const sink = await send(origin, {});
    expect(sink.status).toBe(302);
    expect(elsewhere).not.toHaveBeenCalled();
  });
});
