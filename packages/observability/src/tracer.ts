import { nowMs } from "./now-ms.ts";
import { newSpanId, newTraceId } from "./random-ids.ts";
import type { Sampler } from "./sampler.ts";
import type {
  AttributeValue,
  Span,
  SpanContext,
  SpanRecord,
  StartSpanOptions,
  Tracer,
} from "./span.ts";

interface TracerOptions {
  readonly sampler: Sampler;
  /** Takes finished records; without it the tracer only makes ids. */
  readonly sink?: ((record: SpanRecord) => void) | undefined;
}

/** Makes a tracer. Without a sink no root is sampled, and a caller's decision is passed on. */
export function createTracer({ sampler, sink }: TracerOptions): Tracer {
  const newContext = (parent?: SpanContext): SpanContext => {
    const traceId = parent?.traceId ?? newTraceId();
    const sampled =
      sink === undefined ? (parent?.sampled ?? false) : sampler(traceId, parent?.sampled);
    return { traceId, spanId: newSpanId(), sampled };
  };
  const emit = (record: SpanRecord): void => {
    if (sink !== undefined && (record.context.sampled || record.force === true)) sink(record);
  };
  const startSpan = (name: string, options: StartSpanOptions): Span => {
    const context = newContext(options.parent);
    if (sink === undefined || !context.sampled) return new UnseenSpan(context);
    return new LiveSpan(name, context, options, emit);
  };
  return { enabled: sink !== undefined, newContext, newSpanId, emit, startSpan };
}

/** A span that only lends its context: nobody will see it. */
class UnseenSpan implements Span {
  readonly context: SpanContext;

  constructor(context: SpanContext) {
    this.context = context;
  }

  set(): void {}
  link(): void {}
  fail(): void {}
  end(): void {}
}

/** Links beyond this are left out; the OpenTelemetry default. */
const maxLinks = 128;

class LiveSpan implements Span {
  readonly context: SpanContext;
  readonly #name: string;
  readonly #options: StartSpanOptions;
  readonly #emit: (record: SpanRecord) => void;
  readonly #attributes: Record<string, AttributeValue | undefined>;
  readonly #links: SpanContext[];
  readonly #startMs: number;
  #status: SpanRecord["status"] = "unset";
  #statusMessage: string | undefined;
  #ended = false;

  constructor(
    name: string,
    context: SpanContext,
    options: StartSpanOptions,
    emit: (record: SpanRecord) => void,
  ) {
    this.context = context;
    this.#name = name;
    this.#options = options;
    this.#emit = emit;
    this.#attributes = { ...options.attributes };
    this.#links = [...(options.links ?? [])];
    this.#startMs = options.startMs ?? nowMs();
  }

  set(name: string, value: AttributeValue | undefined): void {
    this.#attributes[name] = value;
  }

  link(context: SpanContext): void {
    if (this.#links.length < maxLinks) this.#links.push(context);
  }

  fail(message?: string): void {
    this.#status = "error";
    this.#statusMessage = message;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#emit({
      name: this.#name,
      kind: this.#options.kind,
      context: this.context,
      parentSpanId: this.#options.parent?.spanId,
      startMs: this.#startMs,
      endMs: Math.max(nowMs(), this.#startMs),
      attributes: this.#attributes,
      status: this.#status,
      statusMessage: this.#statusMessage,
      links: this.#links,
    });
  }
}
