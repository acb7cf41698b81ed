import { connect, createServer as createTcpServer } from "node:net";
import type { Socket } from "node:net";
import { Secret } from "@penstock/runtime";
import type { CompiledTarget } from "@penstock/snapshot";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { TransportFailure } from "./upstream-call.ts";
import { call, client, closeAll, listen, serve, target } from "./upstream-client.fixture.ts";
import type { UpstreamClientOptions } from "./upstream-client.ts";

afterEach(closeAll);

describe("UpstreamClient and transport faults", () => {
  const tcp = (onData: (socket: Socket) => void): Promise<string> =>
    listen(
      createTcpServer((socket) => {
        socket.on("error", () => undefined);
        socket.once("data", () => onData(socket));
      }),
    );

  const failureOf = async (origin: string): Promise<TransportFailure | undefined> => {
    const { sink } = call(client(), target(origin));
    await sink.ended;
    return sink.failure;
  };

  it("tells a reset before the headers from one after them", async () => {
    const before = await tcp((socket) => socket.resetAndDestroy());
    expect(await failureOf(before)).toMatchObject({ class: "CONNECTION", sentBytes: true });
    const after = await tcp((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc");
      setTimeout(() => socket.resetAndDestroy(), 20);
    });
    expect(await failureOf(after)).toMatchObject({ class: "STREAM_BROKEN", sentBytes: true });
  });

  it("does not take a body that ends early for a complete one", async () => {
    const short = await tcp((socket) =>
      socket.end("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"),
    );
    expect(await failureOf(short)).toMatchObject({ class: "STREAM_BROKEN" });
    const chunked = await tcp((socket) =>
      socket.end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"),
    );
    expect(await failureOf(chunked)).toMatchObject({ class: "STREAM_BROKEN" });
  });

  it("takes nonsense, giant heads and compressed answers for malformed", async () => {
    const nonsense = await tcp((socket) => socket.write("SSH-2.0-OpenSSH\r\n"));
    expect(await failureOf(nonsense)).toMatchObject({ class: "MALFORMED" });
    const giant = await tcp((socket) =>
      socket.write(`HTTP/1.1 200 OK\r\nx-a: ${"a".repeat(40_000)}\r\n\r\n`),
    );
    expect(await failureOf(giant)).toMatchObject({ class: "MALFORMED" });
    const many = "x-a: 1\r\n".repeat(300);
    const numerous = await tcp((socket) =>
      socket.write(`HTTP/1.1 200 OK\r\n${many}content-length: 2\r\n\r\n{}`),
    );
    expect(await failureOf(numerous)).toMatchObject({ class: "MALFORMED" });
    const compressed = await serve((_request, response) => {
      response.writeHead(200, { "content-encoding": "gzip" }).end("x");
    });
    expect(await failureOf(compressed)).toMatchObject({ class: "MALFORMED" });
    const large = await serve((_request, response) => {
      response.writeHead(200, { "content-length": "99999999" }).write("x");
    });
    expect(await failureOf(large)).toMatchObject({ class: "MALFORMED" });
  });

  it("tells of an error answer whose body is compressed, without the body", async () => {
    const origin = await serve((_request, response) => {
      response.writeHead(429, { "content-encoding": "gzip", "retry-after": "7" }).end("x");
    });
    const { sink } = call(client(), target(origin));
    await sink.ended;
    expect(sink.calls).toEqual(["headers", "end"]);
    expect([sink.status, sink.header("retry-after")]).toEqual([429, "7"]);
  });

  it("tells the status of an answer that it refuses", async () => {
    const many = "x-a: 1\r\n".repeat(300);
    const heads = [
      `503 Service Unavailable\r\n${many}content-length: 2\r\n\r\n{}`,
      "502 Bad Gateway\r\ncontent-encoding: br\r\ncontent-length: 99999\r\n\r\nxx",
      "200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nxx",
    ];
    for (const head of heads) {
      const origin = await tcp((socket) => socket.write(`HTTP/1.1 ${head}`));
      const { sink } = call(client(), target(origin));
      await sink.ended;
      expect(sink.calls).toEqual(["headers", "failure"]);
      expect(sink.status).toBe(Number(head.slice(0, 3)));
      expect(sink.failure).toMatchObject({ class: "MALFORMED", sentBytes: true });
    }
  });

  it("ignores informational answers", async () => {
    const origin = await tcp((socket) =>
      socket.end(
        "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
      ),
    );
    const { sink } = call(client(), target(origin));
    await sink.ended;
    expect(sink.calls).toEqual(["headers", "data", "end"]);
    expect(sink.status).toBe(200);
  });

  it("says when no connection can be made, and that nothing was sent", async () => {
    const server = createTcpServer();
    const origin = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    expect(await failureOf(origin)).toMatchObject({
      class: "CONNECTION",
      sentBytes: false,
      cause: "connection_refused",
    });
  });

  it("says when nobody knows the name", async () => {
    const lookup: NonNullable<UpstreamClientOptions["lookup"]> = (_name, _options, callback) =>
      callback(Object.assign(new Error("no such name"), { code: "ENOTFOUND" }), []);
    const { sink } = call(client({ lookup }), target("http://nobody.test"));
    await sink.ended;
    expect(sink.failure).toMatchObject({ cause: "name_unknown", code: "ENOTFOUND" });
  });

  it("says that a credential is missing without calling anyone", async () => {
    const upstream = client({ credentials: { version: 0, resolve: () => undefined } });
    const to = target("http://127.0.0.1:9");
    expect(upstream.hasCredential(to)).toBe(false);
    const { sink } = call(upstream, to);
    await sink.ended;
    expect(sink.failure).toMatchObject({ class: "AUTH_FAILED", sentBytes: false });
    expect(upstream.isFull(to)).toBe(false);
  });

  it("uses a rotated credential from the next call on", async () => {
    const seen: (string | undefined)[] = [];
    const origin = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.end("{}");
    });
    let secret = "one";
    const credentials = { version: 0, resolve: () => new Secret(secret) };
    const upstream = client({ credentials });
    const to = target(origin);
    await call(upstream, to).sink.ended;
    secret = "two";
    credentials.version += 1;
    await call(upstream, to).sink.ended;
    expect(seen).toEqual(["Bearer one", "Bearer two"]);
  });
});

describe("UpstreamClient and addresses", () => {
  const resolveTo =
    (...addresses: string[]): NonNullable<UpstreamClientOptions["lookup"]> =>
    (_hostname, _options, callback) =>
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
      );

  const refusal = async (to: CompiledTarget, options: Partial<UpstreamClientOptions> = {}) => {
    const { sink } = call(client(options), to);
    await sink.ended;
    return sink.failure;
  };
  const refused = {
    class: "CONNECTION",
    sentBytes: false,
    cause: "address_refused",
    code: "PENSTOCK_ADDRESS_REFUSED",
    message: expect.stringContaining("PENSTOCK_ADDRESS_REFUSED") as string,
  };

  it("refuses literal addresses of networks that the provider may not use", async () => {
    const requests = vi.fn();
    const origin = await serve(requests);
    const open = { privateNetwork: false };
    expect(await refusal(target(origin, open))).toEqual(refused);
    const { port } = new URL(origin);
    expect(await refusal(target(`http://[::ffff:127.0.0.1]:${port}`, open))).toEqual(refused);
    expect(await refusal(target("http://169.254.169.254"))).toEqual(refused);
    expect(requests).not.toHaveBeenCalled();
  });

  it("refuses a name when any of its addresses is refused", async () => {
    const open = { privateNetwork: false };
    const lookup = resolveTo("93.184.216.34", "10.0.0.1");
    expect(await refusal(target("http://vendor.test", open), { lookup })).toEqual(refused);
    const metadata = resolveTo("169.254.169.254");
    expect(await refusal(target("http://vendor.test"), { lookup: metadata })).toEqual(refused);
  });

  it("connects to the address that was checked, with the host of the configuration", async () => {
    let host: string | undefined;
    const origin = await serve((request, response) => {
      host = request.headers.host;
      response.end("{}");
    });
    const named = `http://vendor.test:${new URL(origin).port}`;
    const lookup = vi.fn(resolveTo("127.0.0.1"));
    const { sink } = call(client({ lookup }), target(named));
    await sink.ended;
    expect(sink.status).toBe(200);
    expect(host).toBe(new URL(named).host);
    expect(lookup).toHaveBeenCalledOnce();
  });

  it("goes through a proxy that the configuration names", async () => {
    const origin = await serve((_request, response) => response.end("{}"));
    const lines: string[] = [];
    const { port } = new URL(origin);
    const proxy = await listen(
      createTcpServer((socket) => {
        socket.on("error", () => undefined);
        socket.once("data", (head) => {
          lines.push(head.toString().split("\r\n")[0] ?? "");
          const onward = connect(Number(port), "127.0.0.1", () => {
            socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
            socket.pipe(onward).pipe(socket);
          });
          onward.on("error", () => undefined);
        });
      }),
    );
    const transport = {
      proxy,
      caBundleFile: "",
      clientCertificateFile: "",
      clientKeyFile: "",
      serverName: "",
      allowedCidrs: [],
    };
    const { sink } = call(client(), target("http://vendor.test:8080", { transport }));
    await sink.ended;
    expect(sink.failure).toBeUndefined();
    expect(sink.status).toBe(200);
    expect(lines).toEqual(["CONNECT vendor.test:8080 HTTP/1.1"]);
  });
});
