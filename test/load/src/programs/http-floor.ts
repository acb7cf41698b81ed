// The floor for HTTP: node:http in front, undici's dispatch behind, bytes passed on as they come.
// What any gateway in this runtime costs at the least.
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Pool } from "undici";
import type { Dispatcher } from "undici";
import { announceReady, endWhenAsked, programInput } from "./program-input.ts";

/** What the program is told. */
export interface FloorInput {
  /** Of the provider, such as `http://127.0.0.1:9100`. */
  readonly origin: string;
}

const { origin } = programInput<FloorInput>();
const path = "/v1/chat/completions";
const headers = {
  "content-type": "application/json",
  authorization: "Bearer sk-upstream-0123456789",
};
const limits = { headersTimeout: 60_000, bodyTimeout: 60_000 };
const pool = new Pool(origin, { connections: 1_024, pipelining: 1, ...limits });

/** An answer of known length leaves in one write; a stream chunk by chunk. */
class Relay implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;
  #status = 0;
  #streams = false;
  #body: Buffer | undefined;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  onRequestStart(): void {
    // Nothing to prepare.
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    received: Record<string, string | string[] | undefined>,
  ): void {
    this.#status = status;
    if (received["content-length"] !== undefined) return;
    this.#streams = true;
    const type = String(received["content-type"] ?? "application/octet-stream");
    this.#response.writeHead(status, { "content-type": type });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#streams) this.#response.write(chunk);
    else this.#body = this.#body === undefined ? chunk : Buffer.concat([this.#body, chunk]);
  }

  onResponseEnd(): void {
    if (this.#streams) {
      this.#response.end();
      return;
    }
    const body = this.#body ?? Buffer.alloc(0);
    const type = { "content-type": "application/json", "content-length": body.length };
    this.#response.writeHead(this.#status, type);
    this.#response.end(body);
  }

  onResponseError(): void {
    this.#response.writeHead(502, { "content-length": 0 }).end();
  }
}

function handle(request: IncomingMessage, response: ServerResponse): void {
  let body: Buffer | undefined;
  request.on("data", (chunk: Buffer) => {
    body = body === undefined ? chunk : Buffer.concat([body, chunk]);
  });
  request.on("end", () => {
    pool.dispatch({ path, method: "POST", headers, body: body ?? null }, new Relay(response));
  });
}

const server = createServer({ keepAliveTimeout: 75_000 }, handle);
server.listen(0, "127.0.0.1", 4_096, () => {
  announceReady({ http: (server.address() as AddressInfo).port });
});
endWhenAsked(() => Promise.resolve());
