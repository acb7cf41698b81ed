import type { EnvironmentValues, Settings } from "@penstock/runtime";

const roles = ["all"] as const;

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
    roles,
    meaning: "The least weight of a line in the log.",
  },
  logFormat: {
    name: "PENSTOCK_LOG_FORMAT",
    kind: "string",
    allowed: ["json", "pretty"],
    default: "json",
    roles,
    meaning: "JSON lines, or lines for people. One process for all roles writes JSON to its file.",
  },
  sdkDisabled: {
    name: "OTEL_SDK_DISABLED",
    kind: "string",
    roles,
    otherwise: "false",
    meaning: "true sends no spans, whatever else is set.",
  },
  serviceName: {
    name: "OTEL_SERVICE_NAME",
    kind: "string",
    roles,
    otherwise: "penstock-<role>, or penstock",
    meaning: "Name of the process in spans and in its log.",
  },
  resourceAttributes: {
    name: "OTEL_RESOURCE_ATTRIBUTES",
    kind: "string",
    roles,
    meaning: "Further attributes of all spans: name=value, with commas.",
  },
  tracesExporter: {
    name: "OTEL_TRACES_EXPORTER",
    kind: "string",
    roles,
    otherwise: "otlp",
    meaning: "otlp, or none, which sends no spans.",
  },
  tracesSampler: {
    name: "OTEL_TRACES_SAMPLER",
    kind: "string",
    roles,
    otherwise: "parentbased_always_on",
    meaning: "always_on, always_off or traceidratio, each with parentbased_ before it or not.",
  },
  tracesSamplerArgument: {
    name: "OTEL_TRACES_SAMPLER_ARG",
    kind: "string",
    roles,
    otherwise: "1",
    meaning: "Share of traces for traceidratio, from 0 to 1.",
  },
  endpoint: {
    name: "OTEL_EXPORTER_OTLP_ENDPOINT",
    kind: "string",
    roles,
    otherwise: "no spans are sent",
    meaning: "Collector for spans, such as http://collector:4318; /v1/traces is added.",
  },
  tracesEndpoint: {
    name: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    kind: "string",
    roles,
    meaning: "The same as a whole address, to which nothing is added; it wins.",
  },
  protocol: {
    name: "OTEL_EXPORTER_OTLP_PROTOCOL",
    kind: "string",
    roles,
    otherwise: "http/protobuf",
    meaning: "http/protobuf or http/json; OTLP over gRPC is not spoken.",
  },
  exportDelayMs: {
    name: "OTEL_BSP_SCHEDULE_DELAY",
    kind: "integer",
    default: 5_000,
    min: 10,
    max: 600_000,
    unit: "milliseconds",
    roles,
    meaning: "How long a span waits for others before it is sent.",
  },
  tracesProtocol: {
    name: "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    kind: "string",
    roles,
    meaning: "The same as OTEL_EXPORTER_OTLP_PROTOCOL; it wins.",
  },
} as const satisfies Settings;

/** The values of `observabilityEnvironment`. */
export type ObservabilityEnvironment = EnvironmentValues<typeof observabilityEnvironment>;
