import type { Logger } from "./logger.ts";
import { createLogger } from "./logger.ts";
import { MetricRegistry } from "./metric-registry.ts";
import type { Observability } from "./observability.ts";
import type { SpanRecord } from "./span.ts";
import { createTracer } from "./tracer.ts";

/** An Observability whose spans and log lines (parsed JSON) a test can look at. */
export interface RecordingObservability extends Observability {
  readonly records: SpanRecord[];
  readonly lines: Record<string, unknown>[];
}

const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};

/** Says nothing and exports nothing; ids and metrics work. For tests. */
export function silentObservability(): Observability {
  return {
    logger: silentLogger,
    tracer: createTracer({ sampler: () => false }),
    metrics: new MetricRegistry(),
    shutdown: () => Promise.resolve(),
  };
}

/** Samples every trace and keeps spans and log lines in memory. For tests. */
export function recordingObservability(): RecordingObservability {
  const records: SpanRecord[] = [];
  const lines: Record<string, unknown>[] = [];
  return {
    records,
    lines,
    logger: createLogger({ level: "debug", write: (line) => lines.push(JSON.parse(line)) }),
    tracer: createTracer({
      sampler: (_traceId, parentSampled) => parentSampled ?? true,
      sink: (record) => records.push(record),
    }),
    metrics: new MetricRegistry(),
    shutdown: () => Promise.resolve(),
  };
}
