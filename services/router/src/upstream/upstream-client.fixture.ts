import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { createServer as createTcpServer, AddressInfo } from "node:net";
import { silentObservability } from "@penstock/observability";
import { Secret } from "@penstock/runtime";
import type { CompiledTarget } from "@penstock/snapshot";
import type { TransportFailure, UpstreamHandle, UpstreamSink } from "./upstream-call.ts";
import { UpstreamClient } from "./upstream-client.ts";
import type { UpstreamClientOptions } from "./upstream-client.ts";

const closing: (() => unknown)[] = [];

/** Closes every server and client; for `afterEach`. */
export async function closeAll(): Promise<void> {
  for (const close of closing.splice(0)) await close();
}

/** Notes what it is told. */
export class RecordingSink implements UpstreamSink {
  status = 0;
  isEventStream = false;
  text = "";
  header: (name: string) => string | undefined = () => undefined;
  failure: TransportFailure | undefined;
  mistake: unknown;
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

  onMistake(error: unknown): void {
    this.calls.push("mistake");
    this.mistake = error;
    this.#end.resolve();
  }

  onFailure(failure: TransportFailure): void {
    this.calls.push("failure");
    this.failure = failure;
    this.#end.resolve();
  }
}

/** Listens on a free port; gives the origin. */
export async function listen(server: Server | ReturnType<typeof createTcpServer>): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    if ("closeAllConnections" in server) server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** An HTTP server; gives the origin. */
export const serve = (handle: RequestListener): Promise<string> => listen(createServer(handle));

/** A target at an origin. */
export function target(
  origin: string,
  provider: object = {},
  deployment: object = {},
): CompiledTarget {
  return {
    deployment: {
      name: "deployments/d",
      model: "m",
      region: "",
      format: "openai-chat",
      path: "/v1/chat/completions",
      streamPath: "/v1/chat/completions",
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

/** A client that is closed after the test. */
export function client(options: Partial<UpstreamClientOptions> = {}): UpstreamClient {
  const credentials = { version: 0, resolve: () => new Secret("sk-test") };
  const made = new UpstreamClient({
    credentials,
    observability: silentObservability(),
    ...options,
  });
  closing.push(() => made.close());
  return made;
}

/** Sends one call and checks that the sink is not told before `dispatch` returns. */
export function call(
  of: UpstreamClient,
  to: CompiledTarget,
  stream = false,
): { sink: RecordingSink; handle: UpstreamHandle } {
  const sink = new RecordingSink();
  const handle = of.dispatch({
    target: to,
    body: '{"model":"ü"}',
    stream,
    requestId: "r",
    attemptId: "r.1",
    sink,
    connectTimeoutMs: 300,
  });
  assert.deepEqual(sink.calls, []);
  return { sink, handle };
}
