import { fromBinary, toBinary, create } from "@bufbuild/protobuf";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { GenerateRequestSchema, MessageRole, StatusSchema } from "@penstock/api";
import { fromStatus } from "@penstock/errors";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createPipeline } from "../pipeline/pipeline.fixture.ts";
import { sampleKey, sampleSnapshot } from "../pipeline/sample-snapshot.fixture.ts";
import { GrpcListener } from "./grpc-listener.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function listen() {
  const snapshot = sampleSnapshot();
  const pipeline = createPipeline(snapshot);
  const grpc = new GrpcListener({
    parts: pipeline.parts,
    currentSnapshot: () => snapshot,
    reflection: false,
    pageTokenKey: new Uint8Array(32),
  });
  const port = await grpc.listen(0, "127.0.0.1");
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  closing.push(
    () => client.close(),
    () => grpc.closeAll(),
  );
  return { ...pipeline, client };
}

const request = create(GenerateRequestSchema, {
  model: "smart",
  messages: [
    { role: MessageRole.USER, parts: [{ part: { case: "text", value: { text: "hi" } } }] },
  ],
});

describe("the gRPC door", () => {
  it("tells a caller before its deadline that no provider answered in time", async () => {
    const { client, clock, upstream, spool } = await listen();
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${sampleKey}`);
    const startMs = Date.now();
    clock.setWall(startMs);
    const failed = Promise.withResolvers<ServiceError>();
    client.makeUnaryRequest(
      "/penstock.inference.v1.InferenceService/Generate",
      () => Buffer.from(toBinary(GenerateRequestSchema, request)),
      (bytes) => bytes,
      undefined,
      metadata,
      { deadline: startMs + 20_000 },
      (error) => failed.resolve(error as ServiceError),
    );
    await vi.waitFor(() => expect(upstream.calls).toHaveLength(1));
    // The first target has its part of the time, the second one what is left; the door's deadline
    // is later by as long as the call was on its way.
    clock.advance(19_900 + Date.now() - startMs);
    const { metadata: trailers } = await failed.promise;
    const [details] = trailers.get("grpc-status-details-bin");
    const error = fromStatus(fromBinary(StatusSchema, details as Buffer));
    expect(error.reason).toBe("DEADLINE_EXCEEDED");
    expect(error.metadata["attempts"]).toBe("2");
    expect(upstream.last.cancelled).toBe(true);
    expect(spool.finals[0]?.error?.reason).toBe("DEADLINE_EXCEEDED");
  });

  it("tells clients not to retry by themselves what Penstock has tried already", async () => {
    const { client, upstream } = await listen();
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${sampleKey}`);
    const failed = Promise.withResolvers<ServiceError>();
    client.makeUnaryRequest(
      "/penstock.inference.v1.InferenceService/Generate",
      () => Buffer.from(toBinary(GenerateRequestSchema, request)),
      (bytes) => bytes,
      undefined,
      metadata,
      {},
      (error) => failed.resolve(error as ServiceError),
    );
    for (const [at, name] of ["a", "b"].entries()) {
      await vi.waitFor(() => expect(upstream.calls).toHaveLength(at + 1));
      expect(upstream.last.deployment).toBe(`deployments/${name}-large`);
      upstream.last.headers(429, { "retry-after": "30" });
      upstream.last.call.sink.onEnd();
    }
    const { metadata: trailers } = await failed.promise;
    const [details] = trailers.get("grpc-status-details-bin");
    const error = fromStatus(fromBinary(StatusSchema, details as Buffer));
    expect(error).toMatchObject({ reason: "UPSTREAM_RATE_LIMITED", retryAfterMs: 30_000 });
    expect(trailers.get("grpc-retry-pushback-ms")).toEqual(["-1"]);
  });
});
