import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Socket } from "node:net";
import type { Door } from "@penstock/api";
import { GatewayError, toGatewayError } from "@penstock/errors";
import { parseTraceparent } from "@penstock/observability";
import { differingValues } from "@penstock/rpc";
import type { TlsSource } from "@penstock/rpc";
import { newUuidV7 } from "@penstock/runtime";
import type { PipelineParts } from "../pipeline/pipeline-parts.ts";
import { RequestHandler } from "../pipeline/handle-request.ts";
import type { RequestArrival } from "../pipeline/request-context.ts";
import type { Snapshot } from "@penstock/snapshot";
import { bearerToken } from "./bearer-token.ts";
import { BodyBudget } from "./body-budget.ts";
import { HttpDownstream, writeHttpError } from "./http-downstream.ts";
import { defaultFormat, findHttpEndpoint, servedEndpoints } from "./http-endpoints.ts";
import type { HttpEndpoint } from "./http-endpoints.ts";
import { writeModels } from "./http-models.ts";
import { openHttpServer } from "./open-http-server.ts";
import { checkBodyHead, readBody } from "./read-body.ts";

/** What the HTTP door needs. */
export interface HttpListenerOptions {
  readonly parts: PipelineParts;
  readonly currentSnapshot: () => Snapshot | undefined;
  /** Absent: cleartext. Closed by its owner. */
  readonly tls?: TlsSource | undefined;
}

/** Where a caller says how long it waits. Unit: milliseconds. */
const timeoutHeader = "x-penstock-timeout-ms";
/** Longest time a caller may give (decisions §4: the request timer). */
const maximumTimeoutMs = 900_000;

/** Connections of one process; each may carry one request at a time. */
const maximumConnections = 12_000;

/** How long the rest of a refused body is read after the answer. */
const discardMs = 5_000;

/** HTTP → pipeline. */
export class HttpListener {
  readonly #options: HttpListenerOptions;
  readonly #server: Server;
  readonly #bodies = new BodyBudget();

  constructor(options: HttpListenerOptions) {
    this.#options = options;
    this.#server = openHttpServer(options.tls, (request, response) =>
      this.#handle(request, response),
    );
    this.#server.maxHeadersCount = 100;
    this.#server.maxConnections = maximumConnections;
    // Without this listener Node asks for the body before anybody has looked at the head.
    this.#server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
      this.#handle(request, response);
    });
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
      // Node hands failed handshakes to this event too, and nobody could read an answer to them.
      if (options.tls !== undefined && error.code?.startsWith("ERR_SSL_") === true)
        socket.destroy();
      else refuseConnection(error, socket);
    });
  }

  /** Opens the port; 0 takes a free one. Resolves with the port. */
  listen(port: number, host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ port, host, backlog: 4_096 }, () => {
        this.#server.off("error", reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** Takes no new connections and lets idle ones go. */
  stopAccepting(): void {
    this.#server.close();
    this.#server.closeIdleConnections();
  }

  /** Cuts off what is still open. */
  closeAll(): void {
    this.#server.closeAllConnections();
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    response.sendDate = false;
    const problem = badHead(request);
    const endpoint = findHttpEndpoint(request.method, request.url);
    if (problem !== undefined || endpoint === undefined) {
      const error = problem ?? endpointNotFound(request);
      this.#discardBody(request, response);
      answerError(response, error);
      return;
    }
    if (endpoint.operation !== "generate") {
      const token = tokenOf(request) ?? "";
      this.#discardBody(request, response);
      writeModels(response, token, endpoint, this.#options);
      return;
    }
    this.#generate(request, response, endpoint);
  }

  #generate(
    request: IncomingMessage,
    response: ServerResponse,
    endpoint: Extract<HttpEndpoint, { operation: "generate" }>,
  ): void {
    const { parts } = this.#options;
    const downstream = new HttpDownstream(response, endpoint.format, parts.clock);
    const handler = new RequestHandler(this.#arrival(request, endpoint.door), downstream, parts);
    downstream.context = handler.context;
    response.on("close", () => {
      downstream.stop();
      handler.cancel();
    });
    if (!handler.enter()) {
      this.#discardBody(request, response);
      return;
    }
    const wrongHead = checkBodyHead(request);
    if (wrongHead !== undefined) {
      handler.refuse(wrongHead);
      this.#discardBody(request, response);
      return;
    }
    const waits = request.headers.expect !== undefined && request.httpVersion === "1.1";
    if (waits) response.writeContinue();
    readBody(request, this.#bodies, (body) => {
      if (body instanceof GatewayError) {
        handler.refuse(body);
        this.#discardBody(request, response);
        return;
      }
      this.#read(handler, downstream, endpoint, body);
    });
  }

  #read(
    handler: RequestHandler,
    downstream: HttpDownstream,
    endpoint: HttpEndpoint,
    body: Buffer,
  ): void {
    try {
      const { context } = handler;
      const { format } = endpoint;
      const { request, stream, includeUsage, forwardable } = format.readRequest(body);
      context.request = request;
      context.callerFormat = format.name;
      if (forwardable !== undefined) context.original = { bytes: body, forwardable };
      context.stream = stream;
      context.requestBytes = body.length;
      downstream.includeUsage = includeUsage;
    } catch (error) {
      handler.refuse(toGatewayError(error));
      return;
    }
    handler.run();
  }

  /**
   * A caller that was refused may still be sending: what comes is thrown away, so that it can read
   * why, and the next request on the connection begins where it should. It may be sending gigabytes,
   * so that this has an end.
   */
  #discardBody(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    response.once("finish", () => {
      if (request.complete) return;
      this.#options.parts.clock.schedule(discardMs, () => {
        if (!request.complete) request.destroy();
      });
    });
  }

  #arrival(request: IncomingMessage, door: Door): RequestArrival {
    const { clock } = this.#options.parts;
    const given = request.headers["traceparent"];
    return {
      requestId: newUuidV7(clock),
      door,
      token: tokenOf(request) ?? "",
      snapshot: this.#options.currentSnapshot(),
      parent: typeof given === "string" ? parseTraceparent(given) : undefined,
      startMonotonicMs: clock.monotonicMs(),
      startWallMs: clock.wallMs(),
      timeoutMs: timeoutOf(request),
    };
  }
}

function tokenOf(request: IncomingMessage): string | undefined {
  const { headers } = request;
  return bearerToken(headers.authorization, headers["x-api-key"], headers["api-key"]);
}

/** NaN when it can't be read; `badHead` has refused such a request by then. */
function timeoutOf(request: IncomingMessage): number {
  const given = request.headers[timeoutHeader];
  return given === undefined ? maximumTimeoutMs : Math.min(Number(given), maximumTimeoutMs);
}

/** Things Node lets through that have been used against gateways (security R6). */
function badHead(request: IncomingMessage): GatewayError | undefined {
  let hosts = 0;
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const name = request.rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === "host") hosts += 1;
  }
  if (differingValues(request.rawHeaders, "authorization")) {
    const message = "The request has two Authorization headers that differ; send one.";
    const fieldViolations = [{ field: "authorization", description: "is there twice" }];
    return new GatewayError("FIELD_INVALID", message, { fieldViolations });
  }
  if (hosts > 1) return new GatewayError("FIELD_INVALID", "The request has two Host headers.");
  const timeout = request.headers[timeoutHeader];
  if (timeout !== undefined && !/^[1-9]\d{0,8}$/.test(String(timeout))) {
    return new GatewayError("FIELD_INVALID", "The time that the request allows can't be read.", {
      fieldViolations: [{ field: timeoutHeader, description: "must be a number of milliseconds" }],
    });
  }
  if (!(request.url ?? "").startsWith("/")) {
    return new GatewayError("FIELD_INVALID", "The request target must be a path.");
  }
  return undefined;
}

function endpointNotFound(request: IncomingMessage): GatewayError {
  const path = (request.url ?? "").split("?", 1)[0]?.slice(0, 200) ?? "";
  return new GatewayError(
    "ENDPOINT_NOT_FOUND",
    `${request.method ?? ""} ${path} is not served here. Served are: ${servedEndpoints}.`,
  );
}

function answerError(response: ServerResponse, error: GatewayError): void {
  const requestId = newUuidV7();
  const headers = ["x-request-id", requestId];
  writeHttpError(response, defaultFormat, { error, requestId, headers });
}

/** Answers what Node's parser refused, and closes the connection. */
function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  // Once anything was written, an answer could land in the middle of another.
  if (error.code === "ECONNRESET" || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const requestId = newUuidV7();
  const tooLong = error.code === "HPE_HEADER_OVERFLOW";
  const slow = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
  const status = tooLong
    ? "431 Request Header Fields Too Large"
    : slow
      ? "408 Request Timeout"
      : "400 Bad Request";
  const message = tooLong
    ? "The head of the request is too large."
    : slow
      ? "The request did not arrive in time."
      : "The request is not valid HTTP.";
  const body = defaultFormat.writeError(new GatewayError("FIELD_INVALID", message), requestId);
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\nx-request-id: ${requestId}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
