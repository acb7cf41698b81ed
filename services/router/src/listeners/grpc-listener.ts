import { fromBinary } from "@bufbuild/protobuf";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import {
  Door,
  GenerateRequestSchema,
  InferenceService,
  ListModelsRequestSchema,
  ListModelsResponseSchema,
  StreamGenerateRequestSchema,
} from "@penstock/api";
import type { GenerateRequest } from "@penstock/api";
import { GatewayError, toGatewayError } from "@penstock/errors";
import { checkFormatParameters } from "@penstock/formats";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import type {
  Metadata,
  sendUnaryData,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  UntypedHandleCall,
} from "@grpc/grpc-js";
import { parseTraceparent } from "@penstock/observability";
import {
  addGrpcHealth,
  addGrpcReflection,
  createPageTokens,
  grpcServerOptions,
  grpcServiceDefinition,
  listQuery,
  pageSize,
  toGrpcError,
} from "@penstock/rpc";
import type { GrpcHealth, PageTokens } from "@penstock/rpc";
import { newUuidV7 } from "@penstock/runtime";
import type { Snapshot } from "@penstock/snapshot";
import { create, toBinary } from "@bufbuild/protobuf";
import { RequestHandler } from "../pipeline/handle-request.ts";
import { listModels } from "../pipeline/list-models.ts";
import type { PipelineParts } from "../pipeline/pipeline-parts.ts";
import type { RequestArrival } from "../pipeline/request-context.ts";
import { bearerToken } from "./bearer-token.ts";
import { GrpcStreamDownstream, GrpcUnaryDownstream } from "./grpc-downstream.ts";
import { maximumBodyBytes } from "./read-body.ts";
import { validateGenerateRequest } from "./validate-generate-request.ts";

/** What the gRPC door needs. */
export interface GrpcListenerOptions {
  readonly parts: PipelineParts;
  readonly currentSnapshot: () => Snapshot | undefined;
  readonly reflection: boolean;
  /** Signs page tokens; 32 random bytes. */
  readonly pageTokenKey: Uint8Array;
}

/** A request message with the size it had on the wire, or why it can't be read. */
interface Received<Message> {
  readonly message: Message | undefined;
  readonly sizeBytes: number;
}

/** The longest a request may take (decisions §4). */
const maximumTimeoutMs = 900_000;

/** How long before a caller's deadline its request ends, at most and as a share of what it gives. */
const longestMarginMs = 250;
const marginShare = 0.1;

/** InferenceService on grpc-js → pipeline. */
export class GrpcListener {
  readonly #options: GrpcListenerOptions;
  readonly #server: Server;
  readonly #health: GrpcHealth;
  readonly #pageTokens: PageTokens;

  constructor(options: GrpcListenerOptions) {
    this.#options = options;
    this.#server = new Server(grpcServerOptions({ maxMessageBytes: maximumBodyBytes }));
    this.#pageTokens = createPageTokens(options.pageTokenKey);
    const handlers: Record<string, UntypedHandleCall> = {
      generate: (call: UnaryCall<Received<GenerateRequest>>, callback: Answer) =>
        this.#generate(call, callback),
      streamGenerate: (call: ServerWritableStream<StreamMessage, unknown>) =>
        this.#streamGenerate(call),
      listModels: (call: UnaryCall<ListMessage>, callback: Answer) =>
        this.#listModels(call, callback),
    };
    this.#server.addService(serviceDefinition(), handlers);
    this.#health = addGrpcHealth(this.#server, [InferenceService]);
    if (options.reflection) addGrpcReflection(this.#server, [InferenceService]);
  }

  /** Opens the port; 0 takes a free one. Resolves with the port. */
  listen(port: number, host: string): Promise<number> {
    const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
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
    this.#server.forceShutdown();
  }

  #generate(call: UnaryCall<Received<GenerateRequest>>, callback: Answer): void {
    const downstream = new GrpcUnaryDownstream(call, callback);
    const handler = this.#handler(call, downstream);
    call.on("cancelled", () => handler.cancel());
    this.#run(handler, call.request, call.request.message);
  }

  #streamGenerate(call: ServerWritableStream<StreamMessage, unknown>): void {
    const { clock } = this.#options.parts;
    const downstream = new GrpcStreamDownstream(call, clock);
    const handler = this.#handler(call, downstream);
    handler.context.stream = true;
    call.on("cancelled", () => {
      downstream.stop();
      handler.cancel();
    });
    const request = call.request.message?.request;
    if (!this.#run(handler, call.request, request)) return;
    const asked = request?.keepaliveInterval;
    const intervalMs =
      asked === undefined ? (handler.context.caller?.keepaliveIntervalMs ?? 0) : durationMs(asked);
    if (intervalMs > 0 && !handler.context.settled) downstream.keepAlive(intervalMs);
  }

  #handler(
    call: { readonly metadata: Metadata; getDeadline(): Date | number },
    downstream: GrpcUnaryDownstream | GrpcStreamDownstream,
  ): RequestHandler {
    const handler = new RequestHandler(this.#arrival(call), downstream, this.#options.parts);
    downstream.context = handler.context;
    return handler;
  }

  /** False when the request was refused before the pipeline ran. */
  #run(
    handler: RequestHandler,
    received: Received<unknown>,
    request: GenerateRequest | undefined,
  ): boolean {
    if (!handler.enter()) return false;
    const invalid =
      received.message === undefined ? unreadable() : validateGenerateRequest(request);
    if (invalid !== undefined || request === undefined) {
      handler.refuse(invalid ?? unreadable());
      return false;
    }
    try {
      checkFormatParameters(request);
    } catch (error) {
      handler.refuse(toGatewayError(error));
      return false;
    }
    handler.context.request = request;
    handler.context.requestBytes = received.sizeBytes;
    handler.run();
    return true;
  }

  #listModels(call: UnaryCall<ListMessage>, callback: Answer): void {
    const requestId = newUuidV7();
    try {
      const { parts, currentSnapshot } = this.#options;
      const found = listModels(currentSnapshot(), tokenOf(call.metadata), parts);
      if ("error" in found) throw found.error;
      const { message } = call.request;
      if (message === undefined) throw unreadable();
      const size = pageSize(message.pageSize, { byDefault: 100 });
      const query = listQuery(ListModelsRequestSchema, message);
      const after =
        message.pageToken === "" ? "" : this.#pageTokens.decode(message.pageToken, query);
      const rest = found.models.filter(({ name }) => name > after);
      const models = rest.slice(0, size);
      const last = rest.length > size ? models.at(-1) : undefined;
      const response = create(ListModelsResponseSchema, {
        models,
        nextPageToken: last === undefined ? "" : this.#pageTokens.encode(last.name, query),
      });
      callback(null, toBinary(ListModelsResponseSchema, response));
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      callback(toGrpcError(error, requestId));
    }
  }

  #arrival(call: { readonly metadata: Metadata; getDeadline(): Date | number }): RequestArrival {
    const { clock } = this.#options.parts;
    const startWallMs = clock.wallMs();
    const deadline = Number(call.getDeadline());
    const given = textOf(call.metadata, "traceparent");
    return {
      requestId: newUuidV7(clock),
      door: Door.GRPC,
      token: tokenOf(call.metadata),
      snapshot: this.#options.currentSnapshot(),
      parent: given === undefined ? undefined : parseTraceparent(given),
      startMonotonicMs: clock.monotonicMs(),
      startWallMs,
      timeoutMs: Math.min(maximumTimeoutMs, withMargin(deadline - startWallMs)),
    };
  }
}

/**
 * Time to work with: a caller stops listening at its deadline, so that what happened is told a little
 * before (reliability §2.1).
 */
function withMargin(remainingMs: number): number {
  return remainingMs - Math.min(longestMarginMs, Math.max(0, remainingMs) * marginShare);
}

type UnaryCall<Message> = ServerUnaryCall<Message, unknown>;
type Answer = sendUnaryData<unknown>;
type StreamMessage = Received<MessageShape<typeof StreamGenerateRequestSchema>>;
type ListMessage = Received<MessageShape<typeof ListModelsRequestSchema>>;

function tokenOf(metadata: Metadata): string {
  const apiKey = textOf(metadata, "x-api-key");
  return bearerToken(textOf(metadata, "authorization"), apiKey) ?? "";
}

function textOf(metadata: Metadata, name: string): string | undefined {
  const [value] = metadata.get(name);
  return typeof value === "string" ? value : undefined;
}

/** The service with readers that keep the size and never throw: grpc-js would answer INTERNAL. */
function serviceDefinition(): ServiceDefinition {
  const definition = grpcServiceDefinition(InferenceService) as Record<string, object>;
  const withReader = (name: string, schema: DescMessage): object => ({
    ...definition[name],
    requestDeserialize: (bytes: Buffer) => receive(schema, bytes),
  });
  return {
    generate: withReader("generate", GenerateRequestSchema),
    streamGenerate: withReader("streamGenerate", StreamGenerateRequestSchema),
    listModels: withReader("listModels", ListModelsRequestSchema),
  } as ServiceDefinition;
}

function receive<Schema extends DescMessage>(
  schema: Schema,
  bytes: Buffer,
): Received<MessageShape<Schema>> {
  try {
    return { message: fromBinary(schema, bytes), sizeBytes: bytes.length };
  } catch {
    return { message: undefined, sizeBytes: bytes.length };
  }
}

function unreadable(): GatewayError {
  return new GatewayError("FIELD_INVALID", "The message can't be read as protobuf.", {
    fieldViolations: [{ field: "", description: "is not a message of the method's input type" }],
  });
}
