import type { Http2Server } from "node:http2";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import {
  CountTokensRequestSchema,
  EmbedRequestSchema,
  GenerateRequestSchema,
  InferenceService,
  ListModelsRequestSchema,
  StreamGenerateRequestSchema,
} from "@penstock/api";
import type {
  CountTokensRequest,
  EmbedRequest,
  GenerateRequest,
  ListModelsRequest,
} from "@penstock/api";
import { toGatewayError } from "@penstock/errors";
import type { GatewayError } from "@penstock/errors";
import { checkEmbeddingParameters, checkFormatParameters } from "@penstock/formats";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import type {
  sendUnaryData,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  UntypedHandleCall,
} from "@grpc/grpc-js";
import {
  addGrpcHealth,
  addGrpcReflection,
  differingValues,
  FollowedServerCredentials,
  grpcServerOptions,
  grpcServiceDefinition,
} from "@penstock/rpc";
import type { GrpcHealth, TlsSource } from "@penstock/rpc";
import type { Snapshot } from "@penstock/snapshot";
import { headOfVectors } from "../pipeline/head-of-vectors.ts";
import type { RequestHandler } from "../pipeline/handle-request.ts";
import type { PipelineParts } from "../pipeline/pipeline-parts.ts";
import { GrpcStreamDownstream, GrpcUnaryDownstream } from "./grpc-downstream.ts";
import { GrpcGate } from "./grpc-gate.ts";
import { GrpcQuestions } from "./grpc-questions.ts";
import { receive, unreadable } from "./grpc-received.ts";
import type { Received } from "./grpc-received.ts";
import { markBadTimeout } from "./grpc-refusals.ts";
import { maximumBodyBytes } from "./body-errors.ts";
import { validateEmbedRequest } from "./validate-embed-request.ts";
import { validateGenerateRequest } from "./validate-generate-request.ts";

/** What the gRPC door needs. */
export interface GrpcListenerOptions {
  readonly parts: PipelineParts;
  readonly currentSnapshot: () => Snapshot | undefined;
  readonly reflection: boolean;
  /** Signs page tokens; 32 random bytes. */
  readonly pageTokenKey: Uint8Array;
  /** Absent: cleartext. Closed by its owner. */
  readonly tls?: TlsSource | undefined;
}

/** InferenceService on grpc-js → pipeline. */
export class GrpcListener {
  readonly #options: GrpcListenerOptions;
  readonly #server: Server;
  readonly #gate: GrpcGate;
  readonly #health: GrpcHealth;

  constructor(options: GrpcListenerOptions) {
    this.#options = options;
    this.#gate = new GrpcGate(options);
    this.#server = new Server({
      ...grpcServerOptions({ maxMessageBytes: maximumBodyBytes }),
      interceptors: [this.#gate.intercept],
    });
    const questions = new GrpcQuestions(options);
    const handlers: Record<string, UntypedHandleCall> = {
      generate: (call: UnaryCall<Received<GenerateRequest>>, callback: Answer) =>
        this.#generate(call, callback),
      embed: (call: UnaryCall<Received<EmbedRequest>>, callback: Answer) =>
        this.#embed(call, callback),
      streamGenerate: (call: ServerWritableStream<StreamMessage, unknown>) =>
        this.#streamGenerate(call),
      countTokens: (call: UnaryCall<Received<CountTokensRequest>>, callback: Answer) =>
        this.#countTokens(call, callback),
      listModels: (call: UnaryCall<Received<ListModelsRequest>>, callback: Answer) =>
        questions.listModels(call, callback),
    };
    this.#server.addService(serviceDefinition(), handlers);
    this.#health = addGrpcHealth(this.#server, [InferenceService]);
    if (options.reflection) addGrpcReflection(this.#server, [InferenceService]);
  }

  /** Opens the port; 0 takes a free one. Resolves with the port. */
  listen(port: number, host: string): Promise<number> {
    const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
    const { tls } = this.#options;
    const serverCredentials =
      tls === undefined ? ServerCredentials.createInsecure() : new FollowedServerCredentials(tls);
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, serverCredentials, (error, bound) => {
        if (error !== null) return reject(error);
        watchConnections(this.#server, tls);
        resolve(bound);
      });
    });
  }

  /** Tells load balancers whether to send calls here. */
  setServing(serving: boolean): void {
    this.#health.setServing(serving);
  }

  /** Takes no new calls; resolves when the open ones have ended. */
  stopAccepting(): Promise<void> {
    this.#health.setServing(false);
    return new Promise((resolve) => this.#server.tryShutdown(() => resolve()));
  }

  /** Cuts off what is still open. */
  closeAll(): void {
    this.#gate.close();
    this.#server.forceShutdown();
  }

  #generate(call: UnaryCall<Received<GenerateRequest>>, callback: Answer): void {
    const entered = this.#gate.take(call.metadata, GrpcUnaryDownstream);
    if (entered === undefined) return;
    const { handler, downstream } = entered;
    downstream.attach(call, callback);
    const { message } = call.request;
    this.#run(handler, call.request, message, validateGenerateRequest(message));
  }

  #embed(call: UnaryCall<Received<EmbedRequest>>, callback: Answer): void {
    const entered = this.#gate.take(call.metadata, GrpcUnaryDownstream);
    if (entered === undefined) return;
    const { handler, downstream } = entered;
    downstream.attach(call, callback);
    const { message } = call.request;
    handler.context.vectors = message;
    const head = message && headOfVectors(message);
    this.#run(handler, call.request, head, validateEmbedRequest(message));
  }

  #countTokens(call: UnaryCall<Received<CountTokensRequest>>, callback: Answer): void {
    const entered = this.#gate.take(call.metadata, GrpcUnaryDownstream);
    if (entered === undefined) return;
    const { handler, downstream } = entered;
    downstream.attach(call, callback);
    const request = call.request.message?.request;
    this.#run(handler, call.request, request, validateGenerateRequest(request));
  }

  #streamGenerate(call: ServerWritableStream<StreamMessage, unknown>): void {
    const entered = this.#gate.take(call.metadata, GrpcStreamDownstream);
    if (entered === undefined) return;
    const { handler, downstream } = entered;
    downstream.attach(call);
    const request = call.request.message?.request;
    const invalid = validateGenerateRequest(request);
    const asked = request?.keepaliveInterval;
    const intervalMs =
      asked === undefined ? handler.context.caller?.keepaliveIntervalMs : durationMs(asked);
    if (!this.#run(handler, call.request, request, invalid)) return;
    if (intervalMs && !handler.context.settled) downstream.keepAlive(intervalMs);
  }

  /** False when the request was refused before the pipeline ran. */
  #run(
    handler: RequestHandler,
    received: Received<unknown>,
    request: GenerateRequest | undefined,
    invalid: GatewayError | undefined,
  ): boolean {
    if (received.message === undefined || request === undefined || invalid !== undefined) {
      const unread = received.message === undefined ? unreadable() : undefined;
      handler.refuse(unread ?? invalid ?? unreadable());
      return false;
    }
    try {
      const { vectors } = handler.context;
      if (vectors === undefined) checkFormatParameters(request);
      else checkEmbeddingParameters(vectors);
    } catch (error) {
      handler.refuse(toGatewayError(error));
      return false;
    }
    handler.context.request = request;
    handler.context.requestBytes = received.sizeBytes;
    handler.run();
    return true;
  }
}

/**
 * Node shows only the first of two authorization headers, and grpc-js passes on what Node shows. As
 * one text with a comma they can be refused; so can deadlines that can't be read. Failed handshakes
 * are reported. Nothing public leads to the HTTP/2 server; a test fails should this way to it change.
 */
function watchConnections(server: Server, tls: TlsSource | undefined): void {
  const servers: unknown = server["http2Servers"];
  if (!(servers instanceof Map)) return;
  for (const http2Server of servers.keys() as Iterable<Http2Server>) {
    if (tls !== undefined) http2Server.on("tlsClientError", tls.reportFailure);
    http2Server.prependListener("stream", (_stream, headers, _flags, rawHeaders) => {
      markBadTimeout(headers);
      if (!differingValues(rawHeaders, "authorization")) return;
      headers.authorization = `${headers.authorization ?? ""}, and another`;
    });
  }
}

type UnaryCall<Message> = ServerUnaryCall<Message, unknown>;
type Answer = sendUnaryData<unknown>;
type StreamMessage = Received<MessageShape<typeof StreamGenerateRequestSchema>>;

/** The service with readers that keep the size and never throw: grpc-js would answer INTERNAL. */
function serviceDefinition(): ServiceDefinition {
  const definition = grpcServiceDefinition(InferenceService) as Record<string, object>;
  const withReader = (name: string, schema: DescMessage): object => ({
    ...definition[name],
    requestDeserialize: (bytes: Buffer) => receive(schema, bytes),
  });
  return {
    generate: withReader("generate", GenerateRequestSchema),
    embed: withReader("embed", EmbedRequestSchema),
    streamGenerate: withReader("streamGenerate", StreamGenerateRequestSchema),
    countTokens: withReader("countTokens", CountTokensRequestSchema),
    listModels: withReader("listModels", ListModelsRequestSchema),
  } as ServiceDefinition;
}
