import type { EnvironmentValues } from "@penstock/runtime";

/**
 * The variables observability looks at, for `readEnvironment`. The exporters read the rest of
 * `OTEL_EXPORTER_OTLP_*` (headers, timeout, compression, certificates) themselves.
 */
export const observabilityEnvironment = {
  logLevel: {
    name: "PENSTOCK_LOG_LEVEL",
    kind: "string",
    allowed: ["debug", "info", "warn", "error"],
    default: "info",
  },
  logFormat: {
    name: "PENSTOCK_LOG_FORMAT",
    kind: "string",
    allowed: ["json", "pretty"],
    default: "json",
  },
  sdkDisabled: { name: "OTEL_SDK_DISABLED", kind: "string" },
  serviceName: { name: "OTEL_SERVICE_NAME", kind: "string" },
  resourceAttributes: { name: "OTEL_RESOURCE_ATTRIBUTES", kind: "string" },
  tracesExporter: { name: "OTEL_TRACES_EXPORTER", kind: "string" },
  tracesSampler: { name: "OTEL_TRACES_SAMPLER", kind: "string" },
  tracesSamplerArgument: { name: "OTEL_TRACES_SAMPLER_ARG", kind: "string" },
  endpoint: { name: "OTEL_EXPORTER_OTLP_ENDPOINT", kind: "string" },
  tracesEndpoint: { name: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", kind: "string" },
  protocol: { name: "OTEL_EXPORTER_OTLP_PROTOCOL", kind: "string" },
  exportDelayMs: {
    name: "OTEL_BSP_SCHEDULE_DELAY",
    kind: "integer",
    default: 5_000,
    min: 10,
    max: 600_000,
  },
  tracesProtocol: { name: "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", kind: "string" },
} as const;

/** The values of `observabilityEnvironment`. */
export type ObservabilityEnvironment = EnvironmentValues<typeof observabilityEnvironment>;
