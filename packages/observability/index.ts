export { attributeNames } from "./src/attributes.ts";
export { observabilityEnvironment } from "./src/environment.ts";
export type { ObservabilityEnvironment } from "./src/environment.ts";
export { createObservability } from "./src/observability.ts";
export type { Observability, ObservabilityOptions } from "./src/observability.ts";
export { recordingObservability, silentObservability } from "./src/silent-observability.ts";
export type { RecordingObservability } from "./src/silent-observability.ts";
export { createLogger } from "./src/logger.ts";
export type { Logger, LogLevel } from "./src/logger.ts";
export { MetricRegistry } from "./src/metric-registry.ts";
export type {
  Counter,
  CounterSeries,
  Gauge,
  GaugeReading,
  Histogram,
  HistogramSeries,
} from "./src/metric-registry.ts";
export { formatTraceparent, parseTraceparent } from "./src/propagation.ts";
export { redactText } from "./src/redact.ts";
export { createSampler } from "./src/sampler.ts";
export type { Sampler } from "./src/sampler.ts";
export { nowMs } from "./src/now-ms.ts";
export type {
  Attributes,
  AttributeValue,
  Span,
  SpanContext,
  SpanEvent,
  SpanKind,
  SpanRecord,
  StartSpanOptions,
  Tracer,
} from "./src/span.ts";
