import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Socket } from "node:net";
import type { Door } from "@penstock/api";
import { GatewayError, toGatewayError } from "@penstock/errors";
import { parseTraceparent } from "@penstock/observability";
import type { TlsSource } from "@penstock/rpc";
import { newUuidV7 } from "@penstock/runtime";
import { identify } from "../pipeline/list-models.ts";
import type { PipelineParts } from "../pipeline/pipeline-parts.ts";
import { RequestHandler } from "../pipeline/handle-request.ts";
import type { RequestArrival } from "../pipeline/request-context.ts";
import type { Snapshot } from "@penstock/snapshot";
import type { Format } from "@penstock/formats";
import { BodyBudget } from "./body-budget.ts";
import { BodyDecoders, codingOf } from "./body-decoders.ts";
import type { CallerResponse } from "./caller-response.ts";
import { HttpDownstream, writeHttpError } from "./http-downstream.ts";
import { closestFormat, findHttpEndpoint } from "./http-endpoints.ts";
import type { CallEndpoint, HttpEndpoint } from "./http-endpoints.ts";
import { writeModels } from "./http-models.ts";
import { keepaliveOf } from "./keepalive-header.ts";
import { noteHeaders } from "./note-headers.ts";
import { notServed, nothingStored } from "./not-served.ts";
import type { NotServed } from "./not-served.ts";
import { OpenCall } from "./open-call.ts";
import { openHttpServer } from "./open-http-server.ts";
import { PlainConnections } from "./plain-connections.ts";
import type { PlainRequest } from "./plain-request.ts";
import type { PlainResponse } from "./plain-response.ts";
import { checkBodyHead, readBody } from "./read-body.ts";
import { readCall } from "./read-call.ts";
import { refuseConnection } from "./refuse-connection.ts";
import { badHead, timeoutOf, tokenOf } from "./request-head.ts";

/** What the HTTP door needs. */
export interface HttpListenerOptions {
  readonly parts: PipelineParts;
  readonly currentSnapshot: () => Snapshot | undefined;
  /** Absent: cleartext. Closed by its owner. */
  readonly tls?: TlsSource | undefined;
}

/** Connections of one process; each may carry one request at a time. */
const maximumConnections = 12_000;

/** How long the rest of a refused body is read after the answer. */
const discardMs = 5_000;

/** HTTP → pipeline. */
export class HttpListener {
  readonly #options: HttpListenerOptions;
  readonly #server: Server;
  readonly #bodies = new BodyBudget();
  readonly #decoders = new BodyDecoders(this.#bodies);
  /** Undefined: all connections are Node's. */
  readonly #plain: PlainConnections | undefined;

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
    if (options.tls === undefined) {
      this.#plain = new PlainConnections(this.#server, this.#bodies, {
        letsIn: ({ headers }) => this.#letsIn(headers),
        serve: (request, body, response) => this.#callPlain(request, body, response),
      });
    }
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
    this.#plain?.close();
  }

  /** Cuts off what is still open. */
  closeAll(): void {
    this.#server.closeAllConnections();
    this.#plain?.closeAll();
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    response.sendDate = false;
    const problem = badHead(request);
    const endpoint = findHttpEndpoint(request.method, request.url, request.headers);
    if (problem !== undefined) {
      this.#discardBody(request, response);
      const format = endpoint?.format ?? closestFormat(request.url, request.headers);
      answerError(response, format, problem);
      return;
    }
    if (endpoint === undefined) {
      this.#discardBody(request, response);
      answerNotServed(response, notServed(request));
      return;
    }
    this.#serve(request, response, endpoint);
  }

  #serve(request: IncomingMessage, response: ServerResponse, endpoint: HttpEndpoint): void {
    switch (endpoint.operation) {
      case "generate":
      case "embed":
      case "count_tokens":
        this.#call(request, response, endpoint);
        return;
      case "stored_response":
        this.#discardBody(request, response);
        answerError(response, endpoint.format, nothingStored(request));
        return;
      case "error_page":
        this.#discardBody(request, response);
        answerPage(response, endpoint.page);
        return;
      case "probe":
        this.#discardBody(request, response);
        response.writeHead(200, ["content-length", "0"]);
        response.end();
        return;
      case "list_models":
      case "get_model":
        this.#discardBody(request, response);
        writeModels(response, tokenOf(request.headers), endpoint, this.#options);
        return;
    }
  }

  #open(headers: IncomingHttpHeaders, endpoint: CallEndpoint, response: CallerResponse): OpenCall {
    const { parts } = this.#options;
    const downstream = new HttpDownstream(response, endpoint.format, parts.clock);
    const handler = new RequestHandler(this.#arrival(headers, endpoint.door), downstream, parts);
    downstream.context = handler.context;
    handler.context.operation = endpoint.operation;
    downstream.keepaliveAskedMs = keepaliveOf(headers);
    noteHeaders(handler.context, headers, endpoint.format);
    return new OpenCall(handler, downstream, endpoint);
  }

  #call(request: IncomingMessage, response: ServerResponse, endpoint: CallEndpoint): void {
    const { headers } = request;
    const call = this.#open(headers, endpoint, response);
    const { handler } = call;
    response.on("close", () => call.gone());
    if (!handler.enter()) {
      this.#discardBody(request, response);
      return;
    }
    const wrongHead = checkBodyHead(headers);
    if (wrongHead !== undefined) {
      handler.refuse(wrongHead);
      this.#discardBody(request, response);
      return;
    }
    const waits = headers.expect !== undefined && request.httpVersion === "1.1";
    if (waits) response.writeContinue();
    readBody(request, this.#bodies, (body) => {
      if (body instanceof GatewayError) {
        handler.refuse(body);
        this.#discardBody(request, response);
        return;
      }
      const encoding = headers["content-encoding"];
      if (encoding === undefined) this.#read(call, body);
      else this.#unpack(call, response, encoding, body);
    });
  }

  #letsIn(headers: IncomingHttpHeaders): boolean {
    const { parts, currentSnapshot } = this.#options;
    return !(identify(currentSnapshot(), tokenOf(headers), parts) instanceof GatewayError);
  }

  /** The same for a request whose body has come and is not packed. */
  #callPlain({ headers, endpoint }: PlainRequest, body: Buffer, response: PlainResponse): void {
    const call = this.#open(headers, endpoint, response);
    response.asker = call;
    if (!call.handler.enter()) return;
    const wrongHead = checkBodyHead(headers);
    if (wrongHead === undefined) this.#read(call, body);
    else call.handler.refuse(wrongHead);
  }

  #unpack(call: OpenCall, response: ServerResponse, encoding: string, body: Buffer): void {
    const coding = codingOf(encoding);
    if (coding === undefined || coding === "identity") {
      this.#read(call, body);
      return;
    }
    let stop: (() => void) | undefined;
    const onClose = (): void => stop?.();
    response.once("close", onClose);
    stop = this.#decoders.decode(body, coding, (unpacked) => {
      response.off("close", onClose);
      if (unpacked instanceof GatewayError) call.handler.refuse(unpacked);
      else this.#read(call, unpacked);
    });
  }

  #read({ handler, downstream, endpoint }: OpenCall, body: Buffer): void {
    try {
      readCall(handler.context, downstream, endpoint, body);
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

  #arrival(headers: IncomingHttpHeaders, door: Door): RequestArrival {
    const { clock } = this.#options.parts;
    const given = headers["traceparent"];
    // One after the other: spans count from the one by what went by on the other.
    const startMonotonicMs = clock.monotonicMs();
    const startWallMs = clock.wallMs();
    return {
      requestId: newUuidV7(clock, startWallMs),
      door,
      token: tokenOf(headers),
      snapshot: this.#options.currentSnapshot(),
      parent: typeof given === "string" ? parseTraceparent(given) : undefined,
      startMonotonicMs,
      startWallMs,
      timeoutMs: timeoutOf(headers),
    };
  }
}

/** As plain text, which browsers show, where Markdown is offered for saving. */
function answerPage(response: ServerResponse, page: string): void {
  const length = String(Buffer.byteLength(page));
  response.writeHead(200, ["content-type", "text/plain; charset=utf-8", "content-length", length]);
  response.end(page);
}

function answerNotServed(response: ServerResponse, { headers, ...answer }: NotServed): void {
  const requestId = newUuidV7();
  const all = ["x-request-id", requestId, ...headers];
  writeHttpError(response, answer.format, { ...answer, requestId, headers: all });
}

function answerError(response: ServerResponse, format: Format, error: GatewayError): void {
  const requestId = newUuidV7();
  const headers = ["x-request-id", requestId];
  writeHttpError(response, format, { error, requestId, headers });
}
