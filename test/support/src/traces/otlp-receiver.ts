import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { sleep, systemClock } from "@penstock/runtime";
import { readSpans } from "./received-span.ts";
import type { ReceivedSpan } from "./received-span.ts";

/** A place that OpenTelemetry's exporters send to. */
export interface OtlpReceiver {
  readonly url: string;
  /** Variables that make a process send its spans here. */
  readonly environment: Readonly<Record<string, string>>;
  spans(): readonly ReceivedSpan[];
  /** Everything received, as it came: for looking for what must not be in it. */
  text(): string;
  /** The spans of a trace, once `enough` says so; fails with what came after `timeoutMs`. */
  waitForTrace(
    traceId: string,
    enough: number | ((spans: readonly ReceivedSpan[]) => boolean),
    timeoutMs?: number,
  ): Promise<readonly ReceivedSpan[]>;
  /** All spans, once `enough` says so. */
  waitForSpans(
    enough: (spans: readonly ReceivedSpan[]) => boolean,
    timeoutMs?: number,
  ): Promise<readonly ReceivedSpan[]>;
  clear(): void;
  close(): Promise<void>;
}

/** Exporters send every 5 s. */
const defaultTimeoutMs = 15_000;
const lookEveryMs = 20;

/** Starts a receiver of OTLP/HTTP in JSON on a free port of 127.0.0.1. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const bodies: string[] = [];
  const spans: ReceivedSpan[] = [];
  const server = createServer((request, response) => {
    void receive(request, response, (body) => {
      spans.push(...readSpans(body));
      bodies.push(body);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve());
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const waitForSpans: OtlpReceiver["waitForSpans"] = async (enough, timeoutMs) => {
    await waitUntil(() => enough(spans), spans, timeoutMs);
    return [...spans];
  };
  return {
    url,
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" },
    spans: () => spans,
    text: () => bodies.join("\n"),
    waitForTrace: async (traceId, enough, timeoutMs) => {
      const ofTrace = () => spans.filter((span) => span.traceId === traceId);
      const isEnough =
        typeof enough === "number"
          ? (found: readonly ReceivedSpan[]) => found.length >= enough
          : enough;
      await waitUntil(() => isEnough(ofTrace()), spans, timeoutMs);
      return ofTrace();
    },
    waitForSpans,
    clear: () => {
      bodies.length = 0;
      spans.length = 0;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function receive(
  request: IncomingMessage,
  response: ServerResponse,
  take: (body: string) => void,
): Promise<void> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  const bytes = Buffer.concat(chunks);
  const isJson = request.headers["content-type"]?.startsWith("application/json") ?? false;
  if (request.url !== "/v1/traces" || !isJson) {
    response.writeHead(415).end(`${request.url} in ${request.headers["content-type"]}`);
    return;
  }
  const packed = request.headers["content-encoding"] === "gzip";
  take((packed ? gunzipSync(bytes) : bytes).toString());
  response.writeHead(200, { "content-type": "application/json" }).end("{}");
}

async function waitUntil(
  enough: () => boolean,
  spans: readonly ReceivedSpan[],
  timeoutMs = defaultTimeoutMs,
): Promise<void> {
  const endMs = systemClock.monotonicMs() + timeoutMs;
  while (!enough()) {
    if (systemClock.monotonicMs() > endMs) {
      const names = spans.map(({ traceId, kind, name }) => `${traceId} ${kind} ${name}`);
      throw new Error(
        `the spans did not come within ${timeoutMs} ms; here are:\n${names.join("\n")}`,
      );
    }
    await sleep(systemClock, lookEveryMs);
  }
}
