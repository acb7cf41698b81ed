import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A call as a provider got it. */
export interface ReceivedCall {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Record<string, unknown>;
  /** When the caller of the provider let go before the answer was complete. */
  readonly broken: Promise<void>;
}

/** What a provider does with one call. */
export type Scene = (response: ServerResponse, call: ReceivedCall) => void;

/** A provider that does what a test says, call by call; the last scene is played again and again. */
export interface ScriptedUpstream {
  readonly origin: string;
  readonly calls: ReceivedCall[];
  /** Forgets what was, and takes new scenes. */
  play(...scenes: Scene[]): void;
  close(): void;
}

/** Listens on a free port of this machine. */
export async function startScriptedUpstream(): Promise<ScriptedUpstream> {
  const calls: ReceivedCall[] = [];
  let script: Scene[] = [];
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const { promise: broken, resolve } = Promise.withResolvers<void>();
      response.on("close", () => {
        if (!response.writableFinished) resolve();
      });
      const call = { path: request.url ?? "", headers: request.headers, body, broken };
      calls.push(call);
      const scene = script.length > 1 ? script.shift() : script[0];
      if (scene === undefined) response.writeHead(500).end();
      else scene(response, call);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    play(...scenes) {
      calls.length = 0;
      script = scenes;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
}

/** Answers at once with JSON. */
export function json(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Scene {
  return (response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(body));
  };
}
