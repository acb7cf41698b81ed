import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { DescMethod, MessageInitShape } from "@bufbuild/protobuf";
import type {
  MethodDefinition,
  sendUnaryData,
  ServerUnaryCall,
  ServerWritableStream,
} from "@grpc/grpc-js";
import { Metadata, Server, ServerCredentials } from "@grpc/grpc-js";
import type {
  EmbedResponse,
  GenerateRequest,
  GenerateResponse,
  ListModelsResponse,
  StreamGenerateRequest,
} from "@penstock/api";
import {
  BlockKind,
  EmbedResponseSchema,
  GenerateResponseSchema,
  InferenceService,
  ListModelsResponseSchema,
  StatusSchema,
  StreamGenerateResponseSchema,
} from "@penstock/api";
import { GatewayError, toStatus } from "@penstock/errors";

/** A call that the gateway of the tests received. */
export interface ReceivedCall {
  readonly metadata: Metadata;
  readonly deadlineMs: number;
  readonly cancelled: () => boolean;
}

/** A gateway for tests of the client; the model asked for chooses what it does. */
export interface TestGateway {
  readonly address: string;
  readonly calls: ReceivedCall[];
  close(): void;
}

/** The error that the model `limited` is answered with. */
export const limitError = new GatewayError("LIMIT_EXCEEDED", "The limit has no room.", {
  retryAfterMs: 2_000,
  metadata: { attempts: "2", committed: "true" },
  quotaViolations: [
    { subject: "projects/a", quota: "limits/b", metric: "tokens", limit: "9", description: "full" },
  ],
});

const unknownError = new GatewayError("MODEL_NOT_FOUND", "No route serves the model.");

/** How a gateway of the tests is reached by TLS; PEM. */
export interface TestGatewayTls {
  readonly certificate: Buffer;
  readonly privateKey: Buffer;
  /** Present: callers must have a certificate of it. */
  readonly clientAuthority?: Buffer;
}

/**
 * Starts a gateway that echoes; models: echo, limited, unknown, silent, broken, unreadable, endless
 * (without the event that ends), empty (without any).
 */
export async function startTestGateway(
  tls?: TestGatewayTls,
  at = "127.0.0.1:0",
): Promise<TestGateway> {
  const server = new Server();
  const calls: ReceivedCall[] = [];
  const { generate, streamGenerate, embed, listModels } = InferenceService.method;
  server.addService(
    {
      generate: definition(generate),
      streamGenerate: definition(streamGenerate),
      embed: definition(embed),
      listModels: definition(listModels),
    },
    {
      generate: (
        call: ServerUnaryCall<GenerateRequest, GenerateResponse>,
        callback: sendUnaryData<GenerateResponse>,
      ) => {
        calls.push(received(call));
        call.sendMetadata(responseHead());
        answerUnary(call.request, callback);
      },
      streamGenerate: (call: ServerWritableStream<StreamGenerateRequest, unknown>) => {
        calls.push(received(call));
        call.sendMetadata(responseHead());
        answerStream(call);
      },
      embed: (_call: unknown, callback: sendUnaryData<EmbedResponse>) => {
        callback(null, create(EmbedResponseSchema, { started: deployment }), trailers());
      },
      listModels: (_call: unknown, callback: sendUnaryData<ListModelsResponse>) => {
        const models = [{ name: "smart", route: "routes/smart" }];
        callback(null, create(ListModelsResponseSchema, { models }), trailers());
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(at, credentialsOf(tls), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { address: `127.0.0.1:${port}`, calls, close: () => server.forceShutdown() };
}

function credentialsOf(tls: TestGatewayTls | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const { certificate, privateKey, clientAuthority } = tls;
  const pairs = [{ cert_chain: certificate, private_key: privateKey }];
  return ServerCredentials.createSsl(clientAuthority ?? null, pairs, clientAuthority !== undefined);
}

function definition(method: DescMethod): MethodDefinition<unknown, unknown> {
  const write = (schema: DescMethod["input"]) => (value: unknown) =>
    Buffer.from(toBinary(schema, value as GenerateRequest));
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: false,
    responseStream: method.methodKind === "server_streaming",
    requestSerialize: write(method.input),
    requestDeserialize: (bytes) => fromBinary(method.input, bytes),
    responseSerialize: write(method.output),
    responseDeserialize: (bytes) => fromBinary(method.output, bytes),
  };
}

type AnyCall = Pick<
  ServerUnaryCall<unknown, unknown>,
  "metadata" | "getDeadline" | "cancelled" | "on"
>;

function received(call: AnyCall): ReceivedCall {
  return {
    metadata: call.metadata,
    deadlineMs: Number(call.getDeadline()),
    cancelled: () => call.cancelled,
  };
}

function responseHead(): Metadata {
  const metadata = new Metadata();
  metadata.set("x-request-id", "request-1");
  metadata.set("x-penstock-trace-id", "trace-1");
  return metadata;
}

function trailers(): Metadata {
  const metadata = new Metadata();
  metadata.set("x-penstock-attempts", "1");
  return metadata;
}

function failure(model: string): Error {
  if (model === "unreadable") {
    const metadata = new Metadata();
    metadata.set("grpc-status-details-bin", Buffer.from([255, 255]));
    return Object.assign(new Error("gone"), { code: 14, details: "gone", metadata });
  }
  const status = toStatus(model === "unknown" ? unknownError : limitError, "request-1");
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(toBinary(StatusSchema, status)));
  const { code, message } = status;
  return Object.assign(new Error(message), { code, details: message, metadata });
}

function lastText(request: GenerateRequest | undefined): string {
  const part = request?.messages.at(-1)?.parts[0]?.part;
  return part?.case === "text" ? part.value.text : "";
}

const deployment = { requestId: "request-1", deployment: "deployments/a", attempt: 1 };

function answerUnary(request: GenerateRequest, callback: sendUnaryData<GenerateResponse>): void {
  if (request.model === "silent") return;
  if (["limited", "unknown", "unreadable"].includes(request.model)) {
    callback(failure(request.model));
    return;
  }
  const text = lastText(request);
  const response = create(GenerateResponseSchema, {
    started: deployment,
    candidates: [{ parts: [{ part: { case: "text", value: { text } } }] }],
  });
  callback(null, response, trailers());
}

function answerStream(call: ServerWritableStream<StreamGenerateRequest, unknown>): void {
  const { request } = call.request;
  const send = (init: MessageInitShape<typeof StreamGenerateResponseSchema>): boolean =>
    call.write(create(StreamGenerateResponseSchema, init));
  if (request?.model === "limited") {
    call.emit("error", failure("limited"));
    return;
  }
  if (request?.model === "empty") {
    call.end(trailers());
    return;
  }
  send({ event: { case: "started", value: deployment } });
  send({ event: { case: "blockStarted", value: { index: 0, kind: BlockKind.TEXT } } });
  for (const word of lastText(request).split(" ")) {
    send({
      event: {
        case: "blockDelta",
        value: { index: 0, delta: { case: "text", value: `${word} ` } },
      },
    });
  }
  if (request?.model === "silent") return;
  if (request?.model === "broken") {
    call.emit("error", failure("broken"));
    return;
  }
  if (request?.model !== "endless") {
    send({ event: { case: "finished", value: { usage: { outputTokens: 3n } } } });
  }
  call.end(trailers());
}
