import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { systemClock } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";
import { answerError } from "./answers/answer-error.ts";
import { CallLog } from "./call-log.ts";
import { findEndpoint } from "./endpoints/endpoint.ts";
import { endpoints } from "./endpoints/endpoints.ts";
import { answerOpenaiEmbeddings, vendorOfEmbeddings } from "./endpoints/openai-embeddings.ts";
import { openaiDialect } from "./endpoints/openai-dialect.ts";
import { Exchanges } from "./exchanges/exchanges.ts";
import type { ExchangeOptions } from "./exchanges/exchanges.ts";
import { FaultTurns } from "./fault-turns.ts";
import { introduce } from "./introduce.ts";
import { PromptCache } from "./prompt-cache.ts";
import { RateLimits } from "./rate-limits.ts";
import { readBody } from "./read-body.ts";
import { serveCall } from "./serve-call.ts";
import type { SimulatorState } from "./serve-call.ts";
import { defaultVendors } from "./vendors.ts";
import type { SimulatedVendor } from "./vendors.ts";

/** Where and what to simulate. Port 0 takes a free one. */
export interface SimulatorOptions {
  readonly port: number;
  readonly bindAddress: string;
  readonly clock?: Clock;
  readonly vendors?: Readonly<Record<string, SimulatedVendor>>;
  /** Recording and replaying; undefined: everything is simulated. */
  readonly exchanges?: ExchangeOptions | undefined;
}

/** Running simulated vendors. */
export interface Simulator {
  /** `http://host:port`; a vendor's base URL in OpenAI's formats is `<url>/<vendor>/v1`. */
  readonly url: string;
  readonly calls: CallLog;
  close(): Promise<void>;
}

/**
 * Starts the simulated vendors, each of which speaks every wire format below `/<vendor>`. `GET /`
 * says where, and how they are made to fail; `GET /calls` what they were asked (`?request_id=`
 * narrows it, `DELETE /calls` forgets it); `GET /unknown` what strict replay was asked in vain.
 * `/livez` and `/readyz` answer 200. Throws FIELD_INVALID for recorded exchanges that are none.
 */
export async function createSimulator(options: SimulatorOptions): Promise<Simulator> {
  const clock = options.clock ?? systemClock;
  const vendors = options.vendors ?? defaultVendors;
  const calls = new CallLog();
  const turns = new FaultTurns();
  const exchanges = options.exchanges && new Exchanges(options.exchanges, clock);
  const state = { clock, calls, turns, cache: new PromptCache(), limits: new RateLimits() };
  const server = createServer({ noDelay: true, keepAliveTimeout: 60_000 }, (request, response) => {
    serve(request, response, { ...state, vendors, exchanges });
  });
  const port = await listen(server, options);
  return {
    url: `http://${hostOf(options.bindAddress)}:${port}`,
    calls,
    close: () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
}

interface Parts extends SimulatorState {
  readonly exchanges: Exchanges | undefined;
  readonly vendors: Readonly<Record<string, SimulatedVendor>>;
}

function serve(request: IncomingMessage, response: ServerResponse, parts: Parts): void {
  const [path = "", query = ""] = (request.url ?? "/").split("?", 2);
  if (path === "/calls") {
    const requestId = new URLSearchParams(query).get("request_id") ?? "";
    serveCalls(request, response, { requestId, calls: parts.calls });
    return;
  }
  if (path === "/unknown") {
    serveUnknown(request, response, parts);
    return;
  }
  if (path === "/livez" || path === "/readyz") {
    response.writeHead(200, { "content-type": "text/plain; charset=utf-8" });
    response.end("ok\n");
    return;
  }
  if (path === "/" && request.method === "GET") {
    response.writeHead(200, { "content-type": "text/plain; charset=utf-8" });
    response.end(introduce(parts.vendors));
    return;
  }
  const asked = { request, response, path, query };
  const addressed = findEndpoint(endpoints, path);
  const vendorName = addressed?.vendorName ?? vendorOfEmbeddings(path);
  const known = vendorName !== undefined && own(parts.vendors, vendorName) !== undefined;
  if (parts.exchanges === undefined && (!known || request.method !== "POST")) {
    request.resume();
    refuse(asked, "not_found");
    return;
  }
  readBody(request, (body) => {
    if (body === undefined) refuse(asked, "too_large");
    else serveBody({ ...asked, body }, parts);
  });
}

interface AskedPath {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly query: string;
}

function serveBody(asked: AskedPath & { readonly body: Buffer }, parts: Parts): void {
  const { request, response, path } = asked;
  const [, vendorName = "", rest = ""] = /^\/([a-z0-9-]+)(\/.*)$/.exec(path) ?? [];
  const taken = parts.exchanges?.take({ ...asked, vendor: vendorName, path: rest }) ?? "simulate";
  if (taken === "taken") return;
  const addressed = findEndpoint(endpoints, path);
  const vendor = own(parts.vendors, vendorName);
  if (taken === "unknown") refuse(asked, "unknown");
  else if (request.method !== "POST") refuse(asked, "not_found");
  else if (vendor !== undefined && vendorOfEmbeddings(path) !== undefined) {
    const { clock, calls } = parts;
    const { body } = asked;
    answerOpenaiEmbeddings({ request, response, body, vendorName, vendor, calls, clock });
  } else if (addressed === undefined || vendor === undefined) {
    refuse(asked, "not_found");
  } else serveCall({ request, response, addressed, vendor, body: asked.body }, parts);
}

/** Says no in the words of the format that is spoken at the path, OpenAI's where none is. */
function refuse(asked: AskedPath, why: "not_found" | "too_large" | "unknown"): void {
  const { request, response, path } = asked;
  const { dialect } = findEndpoint(endpoints, path)?.endpoint ?? { dialect: openaiDialect };
  const where = `${request.method} ${path}`;
  const errors = {
    not_found: { kind: "not_found", message: `the simulator does not serve ${where}` },
    too_large: { kind: "too_large", message: "the body is too large" },
    // No client tries again what is not implemented.
    unknown: { kind: "bad_request", status: 501, message: `nothing was recorded for ${where}` },
  } as const;
  answerError(response, dialect, errors[why]);
}

/** What strict replay was asked in vain. */
function serveUnknown(request: IncomingMessage, response: ServerResponse, parts: Parts): void {
  request.resume();
  const unknown = parts.exchanges?.unknown;
  if (request.method === "DELETE") {
    unknown?.clear();
    response.writeHead(204).end();
    return;
  }
  sendJson(response, { count: unknown?.count ?? 0, requests: unknown?.list() ?? [] });
}

function serveCalls(
  request: IncomingMessage,
  response: ServerResponse,
  { requestId, calls }: { readonly requestId: string; readonly calls: CallLog },
): void {
  request.resume();
  if (request.method === "DELETE") {
    calls.clear();
    response.writeHead(204).end();
    return;
  }
  sendJson(response, { calls: calls.list(requestId) });
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(`${JSON.stringify(value, null, 1)}\n`);
}

/** Names come from callers, who may well ask for a vendor called `constructor`. */
function own<Value>(values: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

function hostOf(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

function listen(server: Server, options: SimulatorOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port: options.port, host: options.bindAddress }, () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
