import type {
  Attributes as OtelAttributes,
  HrTime,
  Link,
  SpanContext as OtelSpanContext,
} from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { ReadableSpan, TimedEvent } from "@opentelemetry/sdk-trace";
import { redactText } from "./redact.ts";
import type { Attributes, AttributeValue, SpanContext, SpanEvent, SpanRecord } from "./span.ts";

/** Bounds of one span: counts are OpenTelemetry's defaults, the length keeps pages light. */
const maxAttributes = 128;
const maxLinks = 128;
const maxEvents = 128;
const maxValueCharacters = 4_096;

// The numbers of OpenTelemetry's SpanKind and SpanStatusCode.
const kinds = { internal: 0, server: 1, client: 2, producer: 3, consumer: 4 } as const;
const statusCodes = { unset: 0, ok: 1, error: 2 } as const;

const none: readonly never[] = [];

const instrumentationScope = { name: "penstock" };

/** Renders a record as the finished span that the exporters of OpenTelemetry take. */
export function lateSpan(record: SpanRecord, resource: Resource): ReadableSpan {
  const context = otelContext(record.context);
  const { links = none, events = none, parentSpanId, startMs } = record;
  const endMs = Math.max(record.endMs, startMs);
  const { attributes, dropped } = otelAttributes(record.attributes);
  return {
    name: record.name,
    kind: kinds[record.kind],
    spanContext: () => context,
    ...(parentSpanId === undefined ? {} : { parentSpanContext: otelParent(context, parentSpanId) }),
    startTime: hrTime(startMs),
    endTime: hrTime(endMs),
    duration: hrTime(endMs - startMs),
    status: otelStatus(record),
    attributes,
    links: links.length === 0 ? [] : links.slice(0, maxLinks).map(otelLink),
    events: events.length === 0 ? [] : events.slice(0, maxEvents).map(otelEvent),
    ended: true,
    resource,
    instrumentationScope,
    droppedAttributesCount: dropped,
    droppedEventsCount: Math.max(0, events.length - maxEvents),
    droppedLinksCount: Math.max(0, links.length - maxLinks),
  };
}

/** The flag is always set: a record that arrives here was sampled or forced. */
function otelContext(context: SpanContext): OtelSpanContext {
  return { traceId: context.traceId, spanId: context.spanId, traceFlags: 1 };
}

function otelParent({ traceId, traceFlags }: OtelSpanContext, spanId: string): OtelSpanContext {
  return { traceId, spanId, traceFlags };
}

function otelLink({ traceId, spanId, sampled }: SpanContext): Link {
  return { context: { traceId, spanId, traceFlags: sampled ? 1 : 0 } };
}

function otelStatus(record: SpanRecord): ReadableSpan["status"] {
  const code = statusCodes[record.status];
  if (record.statusMessage === undefined) return { code };
  return { code, message: boundedText(record.statusMessage) };
}

function otelEvent(event: SpanEvent): TimedEvent {
  return {
    name: event.name,
    time: hrTime(event.timeMs),
    attributes: otelAttributes(event.attributes ?? {}).attributes,
  };
}

interface BoundedAttributes {
  readonly attributes: OtelAttributes;
  /** How many were left out, as there were too many. */
  readonly dropped: number;
}

function otelAttributes(given: Attributes): BoundedAttributes {
  const attributes: OtelAttributes = {};
  let count = 0;
  for (const name in given) {
    const value = given[name];
    if (value === undefined) continue;
    count += 1;
    if (count <= maxAttributes) attributes[name] = otelValue(value);
  }
  return { attributes, dropped: Math.max(0, count - maxAttributes) };
}

function otelValue(value: AttributeValue): NonNullable<OtelAttributes[string]> {
  if (typeof value === "string") return boundedText(value);
  if (typeof value !== "object") return value;
  return value.map((item) => (typeof item === "string" ? boundedText(item) : item)) as string[];
}

function boundedText(text: string): string {
  return redactText(text.length > maxValueCharacters ? text.slice(0, maxValueCharacters) : text);
}

function hrTime(milliseconds: number): HrTime {
  const seconds = Math.floor(milliseconds / 1_000);
  return [seconds, Math.round((milliseconds - seconds * 1_000) * 1_000_000)];
}
