/** A value of an attribute. Lists hold one type of scalar. */
export type AttributeValue = string | number | boolean | readonly string[] | readonly number[];

/** Attributes by name; an undefined value is left out. Names come from `attributeNames`. */
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

/** What travels from hop to hop: 32 and 16 hexadecimal digits and the sampling decision. */
export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

/** The role of a span between processes. */
export type SpanKind = "internal" | "server" | "client" | "producer" | "consumer";

/** A moment within a span; `timeMs` is wall time with fractions. */
export interface SpanEvent {
  readonly name: string;
  readonly timeMs: number;
  readonly attributes?: Attributes | undefined;
}

/**
 * A finished span. Times are wall time in milliseconds with fractions (`nowMs`). A record whose
 * context is not sampled is dropped unless `force` is set: that is how a request that ended badly
 * is seen although the head sampler had left it out.
 */
export interface SpanRecord {
  readonly name: string;
  readonly kind: SpanKind;
  readonly context: SpanContext;
  readonly parentSpanId?: string | undefined;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  readonly status: "unset" | "ok" | "error";
  readonly statusMessage?: string | undefined;
  readonly links?: readonly SpanContext[] | undefined;
  readonly events?: readonly SpanEvent[] | undefined;
  readonly force?: boolean | undefined;
}

/** A span under way, for places where nothing is gained by writing a record at the end. */
export interface Span {
  readonly context: SpanContext;
  set(name: string, value: AttributeValue | undefined): void;
  link(context: SpanContext): void;
  /** Marks the span as failed; the message is redacted. */
  fail(message?: string): void;
  /** Emits the span; a second call does nothing. */
  end(): void;
}

/** How a span starts. `startMs` is wall time with fractions, now when absent. */
export interface StartSpanOptions {
  readonly kind: SpanKind;
  readonly parent?: SpanContext | undefined;
  readonly links?: readonly SpanContext[] | undefined;
  readonly attributes?: Attributes | undefined;
  readonly startMs?: number | undefined;
}

/** Makes ids always and spans only where somebody will see them. */
export interface Tracer {
  /** False when no exporter is configured: nothing emitted is kept. */
  readonly enabled: boolean;
  /** A context with a new span id: a child of `parent`, or the root of a new trace. */
  newContext(parent?: SpanContext): SpanContext;
  newSpanId(): string;
  emit(record: SpanRecord): void;
  startSpan(name: string, options: StartSpanOptions): Span;
}
