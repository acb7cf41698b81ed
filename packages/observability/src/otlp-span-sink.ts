import { setGlobalErrorHandler } from "@opentelemetry/core";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from "@opentelemetry/sdk-trace";
import { lateSpan } from "./late-span.ts";
import type { SpanRecord } from "./span.ts";

/** Spans that wait for export; four times OpenTelemetry's default, for bursts of late spans. */
const maxQueuedSpans = 8_192;
const exportTimeoutMs = 5_000;

/** What the sink needs: the format on the wire, who we are, and whom to tell about losses. */
export interface OtlpSpanSinkOptions {
  readonly protocol: "http/protobuf" | "http/json";
  readonly resourceAttributes: Readonly<Record<string, string>>;
  /** How long a span waits for others before it is exported. Unit: milliseconds. */
  readonly exportDelayMs: number;
  readonly onDropped: (spans: number, cause: "queue" | "export", error?: unknown) => void;
  /** The collector took spans. */
  readonly onDelivered: () => void;
  readonly onProblem: (error: unknown) => void;
}

/** Takes records until it is shut down; `shutdown` sends what waits. */
export interface SpanSink {
  take(record: SpanRecord): void;
  shutdown(): Promise<void>;
}

/** Sends records by OTLP over HTTP. Endpoint and headers come from the exporter's variables. */
export function createOtlpSpanSink(options: OtlpSpanSinkOptions): SpanSink {
  setGlobalErrorHandler(options.onProblem);
  const resource = resourceFromAttributes({ ...options.resourceAttributes });
  const inner = options.protocol === "http/json" ? new JsonExporter() : new ProtobufExporter();
  let queued = 0;
  const exporter: SpanExporter = {
    export: (spans: ReadableSpan[], done) => {
      queued -= spans.length;
      inner.export(spans, (result) => {
        if (result.error === undefined) options.onDelivered();
        else options.onDropped(spans.length, "export", result.error);
        // The loss is counted and told above; the processor would only tell it again.
        done({ code: 0 });
      });
    },
    forceFlush: () => inner.forceFlush(),
    shutdown: () => inner.shutdown(),
  };
  const processor = new BatchSpanProcessor({
    exporter,
    maxQueueSize: maxQueuedSpans,
    exportTimeoutMillis: exportTimeoutMs,
    scheduledDelayMillis: options.exportDelayMs,
  });
  return {
    take: (record) => {
      if (queued >= maxQueuedSpans) {
        options.onDropped(1, "queue");
        return;
      }
      queued += 1;
      processor.onEnd(lateSpan(record, resource));
    },
    shutdown: () => processor.shutdown(),
  };
}
