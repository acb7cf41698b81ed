import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { ManualClock, readEnvironment, systemClock } from "@penstock/runtime";
import { afterEach, describe, expect, it, vi } from "vitest";
import { observabilityEnvironment } from "./environment.ts";
import { nowMs } from "./now-ms.ts";
import { createObservability } from "./observability.ts";
import type { SpanRecord, Tracer } from "./span.ts";

interface Received {
  readonly path: string;
  readonly contentType: string | undefined;
  readonly authorization: string | undefined;
  readonly body: Buffer;
}

async function startCollector(status = 200) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    received.push({
      path: request.url ?? "",
      contentType: request.headers["content-type"],
      authorization: request.headers.authorization,
      body: Buffer.concat(chunks),
    });
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { received, server, url: `http://127.0.0.1:${port}` };
}

function record(tracer: Tracer, name: string, extra: Partial<SpanRecord> = {}): SpanRecord {
  const context = tracer.newContext();
  const startMs = nowMs();
  const base = { name, kind: "server", context, startMs, endMs: startMs + 1.5 } as const;
  return { ...base, attributes: {}, status: "unset", ...extra };
}

async function observe(variables: Record<string, string>) {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  const lines: string[] = [];
  const observability = await createObservability({
    serviceName: "penstock-test",
    environment: readEnvironment(observabilityEnvironment, { environment: variables }),
    clock: systemClock,
    writeLog: (line) => lines.push(line),
  });
  return { ...observability, lines };
}

afterEach(() => vi.unstubAllEnvs());

describe("createObservability", () => {
  it("sends late spans as OTLP JSON with resource, status, links and redacted values", async () => {
    const collector = await startCollector();
    const { tracer, shutdown } = await observe({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20abc",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=te%20st,service.name=ignored",
      OTEL_SERVICE_NAME: "chosen",
    });
    const link = tracer.newContext();
    const span = record(tracer, "late", {
      parentSpanId: "c".repeat(16),
      attributes: { text: `key sk-${"a".repeat(30)}`, list: ["a", "b"], left_out: undefined },
      status: "error",
      statusMessage: "broke",
      links: [link],
      events: [{ name: "first", timeMs: nowMs() }],
      force: true,
    });
    tracer.emit(span);
    await shutdown(5_000);
    collector.server.close();
    expect(collector.received).toHaveLength(1);
    const [request] = collector.received;
    expect(request).toMatchObject({ path: "/v1/traces", authorization: "Bearer abc" });
    const [resourceSpans] = JSON.parse(String(request?.body)).resourceSpans;
    const resource = JSON.stringify(resourceSpans.resource);
    expect(resource).toContain('"chosen"');
    expect(resource).toContain('"te st"');
    const sent = resourceSpans.scopeSpans[0].spans[0];
    expect(sent).toMatchObject({
      traceId: span.context.traceId,
      spanId: span.context.spanId,
      parentSpanId: "c".repeat(16),
      name: "late",
      kind: 2,
      status: { code: 2, message: "broke" },
      links: [{ traceId: link.traceId, spanId: link.spanId }],
      events: [{ name: "first" }],
    });
    expect(Number(BigInt(sent.endTimeUnixNano) - BigInt(sent.startTimeUnixNano))).toBeCloseTo(
      1_500_000,
      -4,
    );
    expect(sent.attributes).toContainEqual({
      key: "text",
      value: { stringValue: "key [redacted]" },
    });
  });

  it("sends protobuf unless told otherwise", async () => {
    const collector = await startCollector();
    const { tracer, shutdown } = await observe({
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/custom`,
    });
    tracer.emit(record(tracer, "plain"));
    await shutdown(5_000);
    collector.server.close();
    expect(collector.received).toMatchObject([
      { path: "/custom", contentType: "application/x-protobuf" },
    ]);
  });

  it("counts spans lost to a full queue and to a refusing collector", async () => {
    const collector = await startCollector(400);
    const { tracer, metrics, shutdown, lines } = await observe({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_TRACES_SAMPLER: "always_on",
    });
    for (let index = 0; index < 9_500; index += 1) tracer.emit(record(tracer, "burst"));
    await shutdown(10_000);
    collector.server.close();
    const count = (cause: string) =>
      Number(
        new RegExp(`spans_dropped_total\\{cause="${cause}"\\} (\\d+)`).exec(metrics.render())?.[1],
      );
    expect(count("queue")).toBeGreaterThan(0);
    expect(count("queue") + count("export")).toBe(9_500);
    expect(lines).toHaveLength(1);
  });

  it("says where spans don't arrive and why, and when they do again", async () => {
    const answers = [400, 200];
    const server = createServer((request, response) => {
      request.resume();
      request.on("end", () => response.writeHead(answers.shift() ?? 200).end());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const { tracer, shutdown, lines } = await observe({
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://u:canary@127.0.0.1:${port}/in?key=canary`,
      OTEL_BSP_SCHEDULE_DELAY: "10",
    });
    tracer.emit(record(tracer, "lost"));
    await expect.poll(() => lines.length).toBe(1);
    tracer.emit(record(tracer, "delivered"));
    await expect.poll(() => lines.length).toBe(2);
    await shutdown(5_000);
    server.close();
    const address = `http://127.0.0.1:${port}/in`;
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { level: "warn", message: "spans were not delivered", address, lost: 1, status: 400 },
      { level: "info", message: "spans are delivered again", address, lost: 1 },
    ]);
    expect(lines.join("")).not.toContain("canary");
  });

  it("names the address and the cause of a collector that is not there", async () => {
    const { tracer, shutdown, lines } = await observe({
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9",
      OTEL_EXPORTER_OTLP_TIMEOUT: "300",
    });
    tracer.emit(record(tracer, "lost"));
    await shutdown(5_000);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      {
        level: "warn",
        address: "http://127.0.0.1:9/v1/traces",
        cause: expect.stringContaining("ECONNREFUSED"),
      },
    ]);
  });

  it("gives up on a collector that does not answer when the deadline has passed", async () => {
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", url);
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: url };
    const clock = new ManualClock();
    const { tracer, shutdown } = await createObservability({
      serviceName: "penstock-test",
      environment: readEnvironment(observabilityEnvironment, { environment }),
      clock,
      writeLog: () => undefined,
    });
    tracer.emit(record(tracer, "stuck"));
    const ended = shutdown(100);
    clock.advance(100);
    await ended;
    server.closeAllConnections();
    server.close();
  });

  it.each([
    {},
    { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_SDK_DISABLED: "true" },
    { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_TRACES_EXPORTER: "none" },
  ])("makes ids only with %j", async (variables) => {
    const { tracer, shutdown, lines } = await observe(variables as Record<string, string>);
    expect(tracer.enabled).toBe(false);
    expect(tracer.newContext().traceId).toHaveLength(32);
    await shutdown(1);
    expect(lines).toEqual([]);
  });

  it.each([
    [
      { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
      "OTEL_EXPORTER_OTLP_PROTOCOL is not supported, no traces are sent; use http/protobuf or",
    ],
    [
      { OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "grpc", OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" },
      "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL is not supported",
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318" },
      "OTEL_EXPORTER_OTLP_ENDPOINT is no URL that begins with http:// or https://",
    ],
    [
      { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "grpc://u:canary@collector" },
      "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is no URL",
    ],
    [{ OTEL_TRACES_EXPORTER: "zipkin" }, "use otlp or none"],
  ])("warns and goes on with %j", async (variables, text) => {
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" };
    const { tracer, lines } = await observe({ ...endpoint, ...variables });
    expect(tracer.enabled).toBe(false);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(text);
    expect(lines[0]).not.toContain("canary");
  });

  it("does not load the SDK without an endpoint", async () => {
    const program = `
      import { registerHooks } from "node:module";
      const loaded = [];
      registerHooks({ resolve(specifier, context, next) {
        const result = next(specifier, context);
        if (result.url.includes("@opentelemetry")) loaded.push(result.url);
        return result;
      } });
      const { createObservability } = await import(${JSON.stringify(import.meta.dirname)} + "/observability.ts");
      const clock = { wallMs: Date.now, monotonicMs: () => 0, schedule: () => ({ cancel() {} }) };
      await createObservability({ serviceName: "x", clock });
      process.stdout.write(JSON.stringify(loaded));
    `;
    const run = promisify(execFile);
    const args = ["--input-type=module", "-e", program];
    const { stdout } = await run(process.execPath, args, { env: {}, timeout: 15_000 });
    expect(stdout).toBe("[]");
  });
});
