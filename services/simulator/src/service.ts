import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { GatewayError, reasons } from "@penstock/errors";
import { openaiChat } from "@penstock/formats";
import type { CallerRequest } from "@penstock/formats";
import { systemClock } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";
import { CallLog } from "./call-log.ts";
import { answerError } from "./endpoints/answer-error.ts";
import { answerOpenaiChat } from "./endpoints/openai-chat.ts";
import { introduce } from "./introduce.ts";
import { receiveMessages } from "./received-messages.ts";
import { replyTo } from "./reply.ts";
import { readScenario, UnknownFault } from "./scenario.ts";
import type { Scenario } from "./scenario.ts";
import { defaultVendors } from "./vendors.ts";
import type { SimulatedVendor } from "./vendors.ts";

/** Where and what to simulate. Port 0 takes a free one. */
export interface SimulatorOptions {
  readonly port: number;
  readonly bindAddress: string;
  readonly clock?: Clock;
  readonly vendors?: Readonly<Record<string, SimulatedVendor>>;
}

/** Running simulated vendors. */
export interface Simulator {
  /** `http://host:port`; a vendor's base URL is `<url>/<vendor>/v1`. */
  readonly url: string;
  readonly calls: CallLog;
  close(): Promise<void>;
}

/** Largest body of a request. */
const maximumBodyBytes = 32 * 1024 * 1024;

/**
 * Starts the simulated vendors: `POST /<vendor>/v1/chat/completions`, `GET /` with what they can
 * do, and `GET /calls` with what they were asked (`?request_id=` narrows it, `DELETE /calls`
 * forgets it). `/livez` and `/readyz` answer 200.
 */
export async function createSimulator(options: SimulatorOptions): Promise<Simulator> {
  const clock = options.clock ?? systemClock;
  const vendors = options.vendors ?? defaultVendors;
  const calls = new CallLog();
  const server = createServer({ noDelay: true, keepAliveTimeout: 60_000 }, (request, response) => {
    serve(request, response, { clock, vendors, calls });
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

interface Parts {
  readonly clock: Clock;
  readonly vendors: Readonly<Record<string, SimulatedVendor>>;
  readonly calls: CallLog;
}

function serve(request: IncomingMessage, response: ServerResponse, parts: Parts): void {
  const [path = "", query = ""] = (request.url ?? "/").split("?", 2);
  if (path === "/calls") {
    const requestId = new URLSearchParams(query).get("request_id") ?? "";
    serveCalls(request, response, { requestId, calls: parts.calls });
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
  const vendorName = /^\/([a-z0-9-]+)\/v1\/chat\/completions$/.exec(path)?.[1] ?? "";
  const vendor = own(parts.vendors, vendorName);
  if (vendor === undefined || request.method !== "POST") {
    answerError(response, 404, `the simulator does not serve ${request.method} ${path}`);
    request.resume();
    return;
  }
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  request.on("data", (chunk: Buffer) => {
    sizeBytes += chunk.length;
    if (sizeBytes <= maximumBodyBytes) chunks.push(chunk);
  });
  request.on("end", () => {
    if (sizeBytes > maximumBodyBytes) answerError(response, 413, "the body is too large");
    else answer(request, response, { ...parts, vendorName, vendor, body: Buffer.concat(chunks) });
  });
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  parts: Parts & {
    readonly vendorName: string;
    readonly vendor: SimulatedVendor;
    readonly body: Buffer;
  },
): void {
  let asked: CallerRequest;
  let scenario: Scenario;
  try {
    asked = openaiChat.readRequest(parts.body);
    const faults = request.headers["x-simulator-fault"];
    scenario = readScenario(asked.request.model, typeof faults === "string" ? faults : "");
  } catch (error) {
    if (error instanceof UnknownFault) answerError(response, 400, error.message);
    else if (error instanceof GatewayError) {
      answerError(response, reasons[error.reason].httpStatus, error.message);
    } else throw error;
    return;
  }
  const model = own(parts.vendor.models, scenario.model);
  if (model === undefined) {
    answerError(response, 404, `the model ${scenario.model} does not exist`);
    return;
  }
  const received = receiveMessages(asked.request.messages);
  const reply = replyTo(asked.request, received, scenario.model, scenario.tokens);
  const requestId = request.headers["x-request-id"];
  const entry = parts.calls.begin({
    vendor: parts.vendorName,
    model: asked.request.model,
    requestId: typeof requestId === "string" ? requestId : "",
    stream: asked.stream,
    messageSha256: received.sha256,
    inputTokens: received.inputTokens,
    startTime: new Date(parts.clock.wallMs()).toISOString(),
  });
  answerOpenaiChat({
    request,
    response,
    asked,
    scenario,
    reply,
    entry,
    inputTokens: received.inputTokens,
    firstTokenMs: scenario.firstTokenMs ?? model.firstTokenMs,
    tokenIntervalMs: scenario.tokenIntervalMs ?? model.tokenIntervalMs,
    clock: parts.clock,
  });
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
  response.writeHead(200, { "content-type": "application/json" });
  response.end(`${JSON.stringify({ calls: calls.list(requestId) }, null, 1)}\n`);
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
