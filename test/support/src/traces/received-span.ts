/** A value of an attribute, as a test wants to see it. */
export type ReceivedValue = string | number | boolean | readonly ReceivedValue[] | undefined;

/** A span as it arrived. Times in milliseconds since 1970. */
export interface ReceivedSpan {
  readonly service: string;
  /** Which of several of that service; empty: it does not say. */
  readonly instance: string;
  readonly name: string;
  readonly kind: "internal" | "server" | "client" | "producer" | "consumer" | "unspecified";
  readonly traceId: string;
  readonly spanId: string;
  /** Undefined: a root. */
  readonly parentSpanId: string | undefined;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, ReceivedValue>>;
  readonly status: "unset" | "ok" | "error";
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
}

/** Reads the body of an OTLP/HTTP export in JSON. Throws for anything else. */
export function readSpans(body: string): ReceivedSpan[] {
  const { resourceSpans = [] } = JSON.parse(body) as ExportedTraces;
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) => {
    const about = attributesOf(resource?.attributes);
    const from = {
      service: String(about["service.name"] ?? ""),
      instance: String(about["service.instance.id"] ?? ""),
    };
    return scopeSpans.flatMap(({ spans = [] }) => spans.map((span) => readSpan(span, from)));
  });
}

const kinds = ["unspecified", "internal", "server", "client", "producer", "consumer"] as const;
const statuses = ["unset", "ok", "error"] as const;

function readSpan(
  span: ExportedSpan,
  from: Pick<ReceivedSpan, "service" | "instance">,
): ReceivedSpan {
  const { parentSpanId } = span;
  return {
    ...from,
    name: span.name,
    kind: kinds[span.kind ?? 0] ?? "unspecified",
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: parentSpanId === "" ? undefined : parentSpanId,
    startMs: Number(span.startTimeUnixNano) / 1_000_000,
    endMs: Number(span.endTimeUnixNano) / 1_000_000,
    attributes: attributesOf(span.attributes),
    status: statuses[span.status?.code ?? 0] ?? "unset",
    links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })),
  };
}

function attributesOf(pairs: readonly KeyValue[] = []): Record<string, ReceivedValue> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, valueOf(value)]));
}

function valueOf(value: AnyValue): ReceivedValue {
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(valueOf);
  // 64-bit integers are texts in proto JSON.
  if (value.intValue !== undefined) return Number(value.intValue);
  return value.stringValue ?? value.doubleValue ?? value.boolValue;
}

// What is read of opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest, as JSON.
interface ExportedTraces {
  readonly resourceSpans?: readonly {
    readonly resource?: { readonly attributes?: readonly KeyValue[] };
    readonly scopeSpans?: readonly { readonly spans?: readonly ExportedSpan[] }[];
  }[];
}

interface ExportedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind?: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: readonly KeyValue[];
  readonly status?: { readonly code?: number };
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
}

interface KeyValue {
  readonly key: string;
  readonly value: AnyValue;
}

interface AnyValue {
  readonly stringValue?: string;
  readonly intValue?: string | number;
  readonly doubleValue?: number;
  readonly boolValue?: boolean;
  readonly arrayValue?: { readonly values?: readonly AnyValue[] };
}
