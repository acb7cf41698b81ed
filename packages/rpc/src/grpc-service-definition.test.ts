import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  Client,
  credentials,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceError,
} from "@grpc/grpc-js";
import {
  InferenceService,
  ListModelsRequestSchema,
  type ListModelsResponse,
  ListModelsResponseSchema,
} from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addGrpcHealth } from "./grpc-health.ts";
import { addGrpcReflection } from "./grpc-reflection.ts";
import { grpcServerOptions } from "./grpc-server-options.ts";
import { grpcMethodDefinition, grpcServiceDefinition } from "./grpc-service-definition.ts";
import { fromGrpcError, toGrpcError } from "./grpc-status-details.ts";

const repository = fileURLToPath(new URL("../../..", import.meta.url));
const buf = `${repository}/node_modules/.bin/buf`;
const run = promisify(execFile);

const server = new Server(grpcServerOptions());
const health = addGrpcHealth(server, [InferenceService]);
let address: string;
let client: Client;

const quotaError = new GatewayError("LIMIT_EXCEEDED", "The limit has no room.", {
  retryAfterMs: 1_500,
  quotaViolations: [
    { subject: "projects/a", quota: "limits/b", metric: "tokens", limit: "9", description: "full" },
  ],
});

beforeAll(async () => {
  addGrpcReflection(server, [InferenceService]);
  server.addService(grpcServiceDefinition(InferenceService), {
    listModels: (
      call: ServerUnaryCall<{ pageToken: string }, unknown>,
      callback: sendUnaryData<unknown>,
    ) => {
      const { pageToken } = call.request;
      if (pageToken === "error") callback(toGrpcError(quotaError, "request-1", "trace-1"));
      else if (pageToken === "bytes") {
        const message = create(ListModelsResponseSchema, { models: [{ name: "from bytes" }] });
        callback(null, toBinary(ListModelsResponseSchema, message));
      } else callback(null, { models: [{ name: "smart", route: "routes/smart" }] });
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  address = `127.0.0.1:${port}`;
  client = new Client(address, credentials.createInsecure());
});

afterAll(() => {
  client.close();
  server.forceShutdown();
});

function listModels(pageToken: string): Promise<ListModelsResponse> {
  const method = grpcMethodDefinition(InferenceService.method.listModels);
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      create(ListModelsRequestSchema, { pageToken }),
      (error, value) => (error === null ? resolve(value as ListModelsResponse) : reject(error)),
    );
  });
}

describe("a grpc-js server with our definition", () => {
  it("answers with init shapes, messages and bytes", async () => {
    expect((await listModels("")).models).toMatchObject([{ name: "smart" }]);
    expect((await listModels("bytes")).models).toMatchObject([{ name: "from bytes" }]);
  });

  it("writes responses without copying them", () => {
    const { responseSerialize } = grpcMethodDefinition(InferenceService.method.listModels);
    const bytes = new Uint8Array(new ArrayBuffer(8), 2, 4);
    const buffer = responseSerialize(bytes);
    expect(Buffer.isBuffer(buffer)).toBe(true);
    expect(buffer.buffer).toBe(bytes.buffer);
    expect(buffer.byteOffset).toBe(2);
    expect(buffer.length).toBe(4);
  });

  it("carries every detail of an error", async () => {
    const error = await listModels("error").catch((thrown: unknown) => thrown as ServiceError);
    const { code, details, metadata } = error as ServiceError;
    expect({ code, details }).toEqual({ code: 8, details: "The limit has no room." });
    expect(metadata.get("x-request-id")).toEqual(["request-1"]);
    expect(metadata.get("x-penstock-trace-id")).toEqual(["trace-1"]);
    expect(fromGrpcError(error as ServiceError)).toMatchObject({
      reason: "LIMIT_EXCEEDED",
      retryAfterMs: 1_500,
      quotaViolations: quotaError.quotaViolations,
      requestId: "request-1",
    });
  });

  it("is understood by buf curl through reflection", async () => {
    const args = ["curl", "--protocol", "grpc", "--http2-prior-knowledge"];
    const url = `http://${address}/penstock.inference.v1.InferenceService/ListModels`;
    const { stdout } = await run(buf, [...args, "-d", "{}", url], { timeout: 15_000 });
    expect(JSON.parse(stdout)).toEqual({ models: [{ name: "smart", route: "routes/smart" }] });
  });

  it("tells its health", async () => {
    const args = ["curl", "--protocol", "grpc", "--http2-prior-knowledge"];
    const schema = `${repository}/packages/rpc/node_modules/grpc-health-check/proto`;
    const url = `http://${address}/grpc.health.v1.Health/Check`;
    const check = async () => {
      const flags = ["--schema", schema, "-d", "{}"];
      const { stdout } = await run(buf, [...args, ...flags, url], { timeout: 15_000 });
      return JSON.parse(stdout) as unknown;
    };
    expect(await check()).toEqual({ status: "NOT_SERVING" });
    health.setServing(true);
    expect(await check()).toEqual({ status: "SERVING" });
  });
});
