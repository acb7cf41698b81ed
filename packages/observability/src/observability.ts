import type { Clock } from "@penstock/runtime";
import { readEnvironment } from "@penstock/runtime";
import type { ObservabilityEnvironment } from "./environment.ts";
import { observabilityEnvironment } from "./environment.ts";
import { ExportNews } from "./export-news.ts";
import { exportTarget } from "./export-target.ts";
import type { Logger, LogLevel } from "./logger.ts";
import { createLogger } from "./logger.ts";
import { MetricRegistry } from "./metric-registry.ts";
import type { SpanSink } from "./otlp-span-sink.ts";
import { createSampler } from "./sampler.ts";
import type { Tracer } from "./span.ts";
import { createTracer } from "./tracer.ts";

/** What a service is seen by. */
export interface Observability {
  readonly logger: Logger;
  readonly tracer: Tracer;
  readonly metrics: MetricRegistry;
  /** Sends the spans that wait, for at most `deadlineMs`; never throws. */
  shutdown(deadlineMs: number): Promise<void>;
}

/** Who is observed, and optionally the variables instead of those of the process. */
export interface ObservabilityOptions {
  /** `service.name` unless `OTEL_SERVICE_NAME` is set, such as `penstock-router`. */
  readonly serviceName: string;
  readonly serviceVersion?: string;
  readonly instanceId?: string;
  readonly environment?: ObservabilityEnvironment;
  readonly clock: Clock;
  /** Takes log lines with their line end; standard error when absent. */
  readonly writeLog?: (line: string) => void;
}

/**
 * Builds logger, metrics and tracer from the environment. Without an OTLP endpoint the
 * OpenTelemetry SDK is not loaded at all; ids are made all the same.
 */
export async function createObservability(options: ObservabilityOptions): Promise<Observability> {
  const environment = options.environment ?? readEnvironment(observabilityEnvironment);
  const logger = createLogger({
    level: environment.logLevel as LogLevel,
    format: environment.logFormat as "json" | "pretty",
    fields: { service: environment.serviceName ?? options.serviceName },
    wallMs: () => options.clock.wallMs(),
    ...(options.writeLog === undefined ? {} : { write: options.writeLog }),
  });
  const metrics = new MetricRegistry();
  const sink = await openSink(options, environment, logger, metrics);
  const tracer = createTracer({ sampler: samplerOf(environment, logger), sink: sink?.take });
  return {
    logger,
    metrics,
    tracer,
    shutdown: (deadlineMs) => shutdownSink(sink, options.clock, deadlineMs, logger),
  };
}

function samplerOf(environment: ObservabilityEnvironment, logger: Logger) {
  const { tracesSampler, tracesSamplerArgument } = environment;
  const sampler = createSampler(tracesSampler, tracesSamplerArgument);
  if (sampler !== undefined) return sampler;
  logger.warn("OTEL_TRACES_SAMPLER or its argument is not known; every trace is sampled", {
    sampler: tracesSampler,
    argument: tracesSamplerArgument,
  });
  return createSampler() ?? (() => true);
}

async function openSink(
  options: ObservabilityOptions,
  environment: ObservabilityEnvironment,
  logger: Logger,
  metrics: MetricRegistry,
): Promise<SpanSink | undefined> {
  const target = exportTarget(environment);
  if (target === undefined) return undefined;
  if ("problem" in target) {
    logger.warn(target.problem, target.fields);
    return undefined;
  }
  const help = "Spans that were not delivered: the queue was full, or the export failed.";
  const dropped = metrics.counter("penstock_spans_dropped_total", help, ["cause"]);
  const news = new ExportNews({ logger, clock: options.clock, address: target.address });
  const { createOtlpSpanSink } = await import("./otlp-span-sink.ts");
  return createOtlpSpanSink({
    protocol: target.protocol,
    resourceAttributes: resourceAttributes(options, environment),
    exportDelayMs: environment.exportDelayMs,
    onDropped: (spans, cause, error) => {
      dropped.add(spans, cause);
      news.lost(spans, error ?? "the queue is full");
    },
    onDelivered: () => news.delivered(),
    onProblem: (error) => news.lost(0, error),
  });
}

function resourceAttributes(
  options: ObservabilityOptions,
  environment: ObservabilityEnvironment,
): Record<string, string> {
  const attributes: Record<string, string> = {
    "service.name": options.serviceName,
    "service.namespace": "penstock",
    "telemetry.sdk.language": "nodejs",
  };
  if (options.serviceVersion !== undefined) attributes["service.version"] = options.serviceVersion;
  if (options.instanceId !== undefined) attributes["service.instance.id"] = options.instanceId;
  for (const pair of environment.resourceAttributes?.split(",") ?? []) {
    const separator = pair.indexOf("=");
    if (separator <= 0) continue;
    attributes[pair.slice(0, separator).trim()] = percentDecoded(pair.slice(separator + 1).trim());
  }
  if (environment.serviceName !== undefined) attributes["service.name"] = environment.serviceName;
  return attributes;
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function shutdownSink(
  sink: SpanSink | undefined,
  clock: Clock,
  deadlineMs: number,
  logger: Logger,
): Promise<void> {
  if (sink === undefined) return;
  const { promise: expired, resolve } = Promise.withResolvers<void>();
  const timer = clock.schedule(deadlineMs, resolve);
  try {
    await Promise.race([sink.shutdown(), expired]);
  } catch (error) {
    logger.warn("the last spans were not delivered", { error });
  } finally {
    timer.cancel();
  }
}
