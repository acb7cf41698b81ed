import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { silentObservability } from "@penstock/observability";
import { Secret } from "@penstock/runtime";
import type { CompiledTarget } from "@penstock/snapshot";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { TransportFailure, UpstreamSink } from "./upstream-call.ts";
import { UpstreamClient } from "./upstream-client.ts";
import type { UpstreamClientOptions } from "./upstream-client.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

class RecordingSink implements UpstreamSink {
  status = 0;
  isEventStream = false;
  text = "";
  header: (name: string) => string | undefined = () => undefined;
  failure: TransportFailure | undefined;
  calls: string[] = [];
  readonly #end = Promise.withResolvers<void>();
  readonly ended = this.#end.promise;

  onHeaders(
    status: number,
    header: (name: string) => string | undefined,
    isEventStream: boolean,
  ): void {
    this.calls.push("headers");
    this.status = status;
    this.header = header;
    this.isEventStream = isEventStream;
  }

  onData(chunk: Buffer): void {
    this.calls.push("data");
    this.text += chunk.toString();
  }

  onEnd(): void {
    this.calls.push("end");
    this.#end.resolve();
  }

  onFailure(failure: TransportFailure): void {
    this.calls.push("failure");
    this.failure = failure;
    this.#end.resolve();
  }
}

async function listen(server: Server | ReturnType<typeof createTcpServer>): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    if ("closeAllConnections" in server) server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const serve = (handle: RequestListener): Promise<string> => listen(createServer(handle));

function target(origin: string, provider: object = {}, deployment: object = {}): CompiledTarget {
  return {
    deployment: {
      name: "deployments/d",
      model: "m",
      path: "/v1/chat/completions",
      maxConcurrentRequests: 2,
      provider: {
        name: "providers/p",
        kind: "openai-compatible",
        origin,
        credential: "env:KEY",
        privateNetwork: true,
        transport: undefined,
        staticHeaders: ["x-static", "1"],
        ...provider,
      },
      ...deployment,
    },
    timeouts: { connectMs: 300, firstTokenMs: 1_000, progressMs: 1_000, attemptMs: 1_000 },
  } as unknown as CompiledTarget;
}

function client(options: Partial<UpstreamClientOptions> = {}): UpstreamClient {
  const credentials = { version: 0, resolve: () => new Secret("sk-test") };
  const made = new UpstreamClient({
    credentials,
    observability: silentObservability(),
    ...options,
  });
  closing.push(() => made.close());
  return made;
}

function call(of: UpstreamClient, to: CompiledTarget, stream = false) {
  const sink = new RecordingSink();
  const bodyText = '{"model":"ü"}';
  const handle = of.dispatch({
    target: to,
    bodyText,
    bodyBytes: Buffer.byteLength(bodyText),
    stream,
    requestId: "r",
    attemptId: "r.1",
    sink,
    connectTimeoutMs: 300,
  });
  expect(sink.calls).toEqual([]);
  return { sink, handle };
}

describe("UpstreamClient", () => {
  it("sends what is allowed and nothing else, and relays the answer", async () => {
    let seen: IncomingMessage | undefined;
    let body = "";
    const origin = await serve((request, response) => {
      seen = request;
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        response.writeHead(200, { "content-type": "application/json", "x-request-id": "up-1" });
        response.end('{"ok":true}');
      });
    });
    const { sink } = call(client(), target(origin));
    await sink.ended;
    expect(sink).toMatchObject({ status: 200, isEventStream: false, text: '{"ok":true}' });
    expect(sink.header("x-request-id")).toBe("up-1");
    expect(body).toBe('{"model":"ü"}');
    expect(seen?.method).toBe("POST");
    expect(seen?.url).toBe("/v1/chat/completions");
    expect(seen?.headers).toEqual({
      host: new URL(origin).host,
      connection: "keep-alive",
      authorization: "Bearer sk-test",
      "content-type": "application/json",
      "content-length": "14",
      accept: "application/json",
      "accept-encoding": "identity",
      "user-agent": "penstock",
      "x-static": "1",
      "x-request-id": "r.1",
    });
  });

  it("relays a stream piece by piece and obeys pause", async () => {
    let response: ServerResponse | undefined;
    const origin = await serve((_request, answer) => {
      response = answer;
      answer.writeHead(200, { "content-type": "text/event-stream" });
      answer.write("data: 1\n\n");
    });
    const { sink, handle } = call(client(), target(origin), true);
    await vi.waitFor(() => expect(sink.text).toBe("data: 1\n\n"));
    expect(sink.isEventStream).toBe(true);
    handle.pause();
    response?.write("x".repeat(1_000_000));
    response?.write("y".repeat(1_000_000));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(sink.text.length).toBeLessThan(1_000_000);
    handle.resume();
    response?.end();
    await sink.ended;
    expect(sink.text.length).toBe(2_000_009);
    expect(sink.calls.at(-1)).toBe("end");
  });

  it("closes the connection on cancel, and the sink hears nothing more", async () => {
    const closed = vi.fn();
    const origin = await serve((_request, response) => {
      response.on("close", closed);
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 1\n\n");
    });
    const upstream = client();
    const to = target(origin);
    const { sink, handle } = call(upstream, to, true);
    await vi.waitFor(() => expect(sink.calls).toContain("data"));
    const calls = [...sink.calls];
    handle.cancel();
    await vi.waitFor(() => expect(closed).toHaveBeenCalledOnce());
    await new Promise((resolve) => setImmediate(resolve));
    expect(sink.calls).toEqual(calls);
    expect(upstream.isFull(to)).toBe(false);
  });

  it("never sends a call that was cancelled while it was connecting", async () => {
    const requests = vi.fn();
    const origin = await serve(requests);
    const { sink, handle } = call(client(), target(origin));
    handle.cancel();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(requests).not.toHaveBeenCalled();
    expect(sink.calls).toEqual([]);
  });

  it("says that a target is full at its cap, and not any more when a call ends", async () => {
    const answers: ServerResponse[] = [];
    const origin = await serve((_request, response) => void answers.push(response));
    const upstream = client();
    const to = target(origin);
    const first = call(upstream, to);
    expect(upstream.isFull(to)).toBe(false);
    const second = call(upstream, to);
    expect(upstream.isFull(to)).toBe(true);
    await vi.waitFor(() => expect(answers.length).toBe(2));
    answers[0]?.end("{}");
    await Promise.race([first.sink.ended, second.sink.ended]);
    expect(upstream.isFull(to)).toBe(false);
  });

  it("does not follow redirects", async () => {
    const urls: (string | undefined)[] = [];
    const origin = await serve((request, response) => {
      urls.push(request.url);
      response.writeHead(307, { location: "/elsewhere" }).end();
    });
    const { sink } = call(client(), target(origin));
    await sink.ended;
    expect(sink.status).toBe(307);
    expect(urls).toEqual(["/v1/chat/completions"]);
  });
});

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
    expect(await failureOf(origin)).toMatchObject({ class: "CONNECTION", sentBytes: false });
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
    const { connect } = await import("node:net");
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
