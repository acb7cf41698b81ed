import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { request as requestHttps } from "node:https";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { ListModelsRequestSchema, ListModelsResponseSchema } from "@penstock/api";
import { createAuthority } from "@penstock/certificates";
import type { Authority } from "@penstock/certificates";
import { recordingObservability } from "@penstock/observability";
import { openTlsSource } from "@penstock/rpc";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createPipeline } from "../pipeline/pipeline.fixture.ts";
import { sampleKey, sampleSnapshot } from "../pipeline/sample-snapshot.fixture.ts";
import { GrpcListener } from "./grpc-listener.ts";
import { HttpListener } from "./http-listener.ts";

const now = Date.now();
const validity = { notBefore: new Date(now - 3_600_000), notAfter: new Date(now + 86_400_000) };
const certificateFile = (folder: string) => join(folder, "door.crt");
const keyFile = (folder: string) => join(folder, "door.key");

let authority: Authority;
let ca: Buffer;
let folder: string;
const closing: (() => void)[] = [];

beforeAll(async () => {
  authority = await createAuthority("Test CA", validity);
  ca = Buffer.from(authority.certificatePem);
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "doors-"));
  await renew();
});

afterEach(() => {
  for (const close of closing.splice(0)) close();
  rmSync(folder, { recursive: true });
});

function issue() {
  return authority.issue({ commonName: "router", hosts: ["localhost", "127.0.0.1"] }, validity);
}

async function renew(): Promise<void> {
  const { certificatePem, keyPem } = await issue();
  for (const [path, text] of [
    [keyFile(folder), keyPem],
    [certificateFile(folder), certificatePem],
  ] as const) {
    writeFileSync(`${path}.next`, text);
    renameSync(`${path}.next`, path);
  }
}

async function open(clientCaFile?: string) {
  const snapshot = sampleSnapshot();
  const observed = recordingObservability();
  const tls = openTlsSource(
    {
      certificateFile: certificateFile(folder),
      keyFile: keyFile(folder),
      clientCaFile,
      checkIntervalMs: 10,
    },
    observed.logger,
  );
  const { parts } = createPipeline(snapshot);
  const doors = { parts, currentSnapshot: () => snapshot, tls };
  const http = new HttpListener(doors);
  const grpc = new GrpcListener({
    ...doors,
    reflection: false,
    pageTokenKey: new Uint8Array(32),
  });
  closing.push(
    () => http.closeAll(),
    () => http.stopAccepting(),
    () => grpc.closeAll(),
    () => tls.close(),
  );
  const httpPort = await http.listen(0, "127.0.0.1");
  const grpcPort = await grpc.listen(0, "127.0.0.1");
  return { httpPort, grpcPort, observed };
}

function listOverHttp(port: number, client: { cert?: string; key?: string } = {}) {
  const headers = { authorization: `Bearer ${sampleKey}` };
  return new Promise<number | undefined>((resolve, reject) => {
    const url = `https://127.0.0.1:${port}/v1/models`;
    requestHttps(url, { ca, headers, agent: false, ...client }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .once("error", reject)
      .end();
  });
}

function listOverGrpc(port: number, root: Buffer = ca): Promise<number> {
  const client = new Client(`localhost:${port}`, credentials.createSsl(root));
  closing.push(() => client.close());
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${sampleKey}`);
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      "/penstock.inference.v1.InferenceService/ListModels",
      () => Buffer.from(toBinary(ListModelsRequestSchema, create(ListModelsRequestSchema))),
      (bytes) => fromBinary(ListModelsResponseSchema, bytes),
      undefined,
      metadata,
      { deadline: Date.now() + 5_000 },
      (error, response) => (error === null ? resolve(response?.models.length ?? 0) : reject(error)),
    );
  });
}

function serialOf(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls(
      { host: "127.0.0.1", port, ca, ALPNProtocols: ["h2", "http/1.1"] },
      () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      },
    );
    socket.once("error", reject);
  });
}

describe("doors with TLS", () => {
  it("serve callers that trust the authority", async () => {
    const { httpPort, grpcPort } = await open();
    expect(await listOverHttp(httpPort)).toBe(200);
    expect(await listOverGrpc(grpcPort)).toBeGreaterThan(0);
    const other = await createAuthority("Another CA", validity);
    await expect(listOverGrpc(grpcPort, Buffer.from(other.certificatePem))).rejects.toThrow(
      "UNAVAILABLE",
    );
  });

  it("take renewed certificates without a restart", async () => {
    const { httpPort, grpcPort } = await open();
    const ports = [httpPort, grpcPort];
    const before = await Promise.all(ports.map(serialOf));
    await renew();
    await vi.waitFor(async () => {
      const after = await Promise.all(ports.map(serialOf));
      expect(after[0]).not.toBe(before[0]);
      expect(after[1]).toBe(after[0]);
    });
    expect(await listOverHttp(httpPort)).toBe(200);
    expect(await listOverGrpc(grpcPort)).toBeGreaterThan(0);
  });

  it("ask for a certificate of the authority where one is set", async () => {
    const caFile = join(folder, "ca.crt");
    writeFileSync(caFile, ca);
    const { httpPort, grpcPort } = await open(caFile);
    await expect(listOverHttp(httpPort)).rejects.toThrow();
    await expect(listOverGrpc(grpcPort)).rejects.toThrow("UNAVAILABLE");
    const { certificatePem: cert, keyPem: key } = await issue();
    expect(await listOverHttp(httpPort, { cert, key })).toBe(200);
  });

  it("log a caller that speaks cleartext", async () => {
    const { httpPort, grpcPort, observed } = await open();
    for (const port of [httpPort, grpcPort]) {
      const socket = connectTcp(port, "127.0.0.1");
      closing.push(() => socket.destroy());
      socket.on("error", () => undefined);
      socket.write("GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n");
      await new Promise<void>((resolve) => socket.once("close", () => resolve()));
    }
    expect(observed.lines).toMatchObject([
      { level: "warn", message: expect.stringContaining("spoke cleartext on a port with TLS") },
    ]);
  });
});
