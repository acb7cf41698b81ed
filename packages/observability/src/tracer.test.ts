import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatTraceparent, parseTraceparent } from "./propagation.ts";
import { newSpanId, newTraceId } from "./random-ids.ts";
import { createSampler } from "./sampler.ts";
import type { SpanRecord } from "./span.ts";
import { createTracer } from "./tracer.ts";

const remote = { traceId: "a".repeat(32), spanId: "b".repeat(16), sampled: true };

describe("ids", () => {
  it("are hexadecimal, of the right length and not repeated", () => {
    const ids = Array.from({ length: 5_000 }, newSpanId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every((id) => /^[0-9a-f]{16}$/.test(id))).toBe(true);
    expect(newTraceId()).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe("traceparent", () => {
  it("comes back as it was written", () => {
    const tracer = createTracer({ sampler: () => true });
    fc.assert(
      fc.property(fc.boolean(), (sampled) => {
        const context = { ...tracer.newContext(), sampled };
        expect(parseTraceparent(formatTraceparent(context))).toEqual(context);
      }),
    );
  });

  it.each([
    "",
    "00-",
    `00-${"0".repeat(32)}-${remote.spanId}-01`,
    `00-${remote.traceId}-${"0".repeat(16)}-01`,
    `00-${remote.traceId.toUpperCase()}-${remote.spanId}-01`,
    `ff-${remote.traceId}-${remote.spanId}-01`,
    `00-${remote.traceId}-${remote.spanId}-01-more`,
    `00-${remote.traceId}-${remote.spanId}-01\n`,
    "x".repeat(100_000),
  ])("refuses %j", (text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });

  it("reads what a later version has in common with ours", () => {
    const text = `cc-${remote.traceId}-${remote.spanId}-01-what-the-future-brings`;
    expect(parseTraceparent(text)).toEqual(remote);
  });
});

describe("samplers", () => {
  it("keep about the asked ratio of roots and follow the parent", () => {
    const sampler = createSampler("parentbased_traceidratio", "0.25");
    const kept = Array.from({ length: 8_000 }, () => sampler?.(newTraceId(), undefined));
    expect(kept.filter(Boolean).length / kept.length).toBeCloseTo(0.25, 1);
    expect(sampler?.(newTraceId(), true)).toBe(true);
    expect(sampler?.("0".repeat(32), false)).toBe(false);
  });

  it("keep what stands below their ratio, to the last digit", () => {
    const hex = fc.bigInt({ min: 0n, max: 16n ** 32n - 1n });
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), hex, (ratio, number) => {
        const traceId = number.toString(16).padStart(32, "0");
        const kept = Number(number & (16n ** 13n - 1n)) < ratio * 16 ** 13;
        expect(createSampler("traceidratio", String(ratio))?.(traceId, undefined)).toBe(kept);
      }),
    );
    const half = createSampler("traceidratio", "0.5");
    expect(half?.(`${"f".repeat(19)}7${"f".repeat(12)}`, undefined)).toBe(true);
    expect(half?.(`${"0".repeat(19)}8${"0".repeat(12)}`, undefined)).toBe(false);
    expect(createSampler("traceidratio", "1")?.("f".repeat(32), undefined)).toBe(true);
  });

  it("know the names of the specification and refuse others", () => {
    expect(createSampler()?.(newTraceId(), undefined)).toBe(true);
    expect(createSampler("always_off")?.(newTraceId(), true)).toBe(false);
    expect(createSampler("traceidratio", "0")?.(newTraceId(), true)).toBe(false);
    expect(createSampler("traceidratio", "1")?.("f".repeat(32), false)).toBe(true);
    expect(createSampler("traceidratio", "2")).toBeUndefined();
    expect(createSampler("jaeger_remote")).toBeUndefined();
  });
});

describe("the tracer", () => {
  const collect = (sampled: boolean) => {
    const records: SpanRecord[] = [];
    const sink = (record: SpanRecord) => records.push(record);
    return { records, tracer: createTracer({ sampler: () => sampled, sink }) };
  };

  it("emits a span once, as child of its parent", () => {
    const { records, tracer } = collect(true);
    const span = tracer.startSpan("work", { kind: "client", parent: remote, startMs: 5 });
    span.set("a", 1);
    span.link(remote);
    span.fail("broke");
    span.end();
    span.end();
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({
      name: "work",
      kind: "client",
      parentSpanId: remote.spanId,
      startMs: 5,
      attributes: { a: 1 },
      status: "error",
      statusMessage: "broke",
      links: [remote],
    });
    expect(records[0]?.context.traceId).toBe(remote.traceId);
    expect(records[0]?.endMs).toBeGreaterThan(5);
  });

  it("keeps of unsampled traces only what is forced", () => {
    const { records, tracer } = collect(false);
    tracer.startSpan("a", { kind: "internal" }).end();
    const context = tracer.newContext();
    const record = { name: "b", kind: "internal", context, startMs: 1, endMs: 2 } as const;
    tracer.emit({ ...record, attributes: {}, status: "unset" });
    expect(records).toHaveLength(0);
    tracer.emit({ ...record, attributes: {}, status: "error", force: true });
    expect(records).toHaveLength(1);
  });

  it("makes ids and passes on the caller's decision without an exporter", () => {
    const tracer = createTracer({ sampler: () => true });
    expect(tracer.enabled).toBe(false);
    expect(tracer.newContext().sampled).toBe(false);
    expect(tracer.newContext(remote)).toMatchObject({ traceId: remote.traceId, sampled: true });
  });
});
