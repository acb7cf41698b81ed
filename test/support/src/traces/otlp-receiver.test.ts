import { createObservability } from "@penstock/observability";
import { systemClock } from "@penstock/runtime";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startOtlpReceiver } from "./otlp-receiver.ts";
import type { OtlpReceiver } from "./otlp-receiver.ts";
import type { ReceivedSpan } from "./received-span.ts";
import { drawTree, spanTree } from "./span-tree.ts";

let receiver: OtlpReceiver;

beforeAll(async () => {
  receiver = await startOtlpReceiver();
  for (const [name, value] of Object.entries(receiver.environment)) vi.stubEnv(name, value);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await receiver.close();
});

describe("startOtlpReceiver", () => {
  it("takes what our own exporter sends", async () => {
    const observability = await createObservability({ serviceName: "tested", clock: systemClock });
    const { tracer } = observability;
    const root = tracer.startSpan("root", { kind: "server" });
    const child = tracer.startSpan("child", {
      kind: "client",
      parent: root.context,
      links: [{ traceId: "a".repeat(32), spanId: "b".repeat(16), sampled: true }],
      attributes: { text: "x", count: 7, ratio: 0.5, yes: true, names: ["a", "b"] },
    });
    child.fail("broken");
    child.end();
    root.end();
    await observability.shutdown(5_000);
    const spans = await receiver.waitForTrace(root.context.traceId, 2);
    expect(drawTree(spanTree(spans))).toBe("server root\n  client child");
    expect(spans.find(({ name }) => name === "child")).toMatchObject({
      service: "tested",
      instance: "",
      parentSpanId: root.context.spanId,
      status: "error",
      links: [{ traceId: "a".repeat(32), spanId: "b".repeat(16) }],
      attributes: { text: "x", count: 7, ratio: 0.5, yes: true, names: ["a", "b"] },
    });
    expect(receiver.text()).toContain("broken");
    receiver.clear();
    expect(receiver.spans()).toEqual([]);
  });

  it("says what is there when something does not come", async () => {
    await expect(receiver.waitForTrace("c".repeat(32), 1, 30)).rejects.toThrow("did not come");
  });
});

const span: ReceivedSpan = {
  service: "s",
  instance: "",
  name: "root",
  kind: "server",
  traceId: "a",
  spanId: "1",
  parentSpanId: undefined,
  startMs: 0,
  endMs: 1,
  attributes: {},
  status: "unset",
  links: [],
};

describe("spanTree", () => {
  const child = { ...span, name: "child", spanId: "2", parentSpanId: "1" };

  it("orders children by their start", () => {
    const later = { ...child, name: "later", spanId: "3", startMs: 5 };
    const drawn = drawTree(spanTree([later, child, span]));
    expect(drawn).toBe("server root\n  server child\n  server later");
  });

  it.each([
    ["a parent that is missing", [span, { ...child, parentSpanId: "9" }], "without their parent"],
    ["two roots", [span, { ...span, spanId: "2" }], "2 roots"],
    ["no root", [child], "0 roots"],
    ["a span that came twice", [span, span], "twice"],
    ["two traces", [span, { ...child, traceId: "b" }], "several traces"],
  ])("refuses %s", (_what, spans, message) => {
    expect(() => spanTree(spans)).toThrow(message);
  });

  it("takes the caller's span as the root's parent", () => {
    expect(spanTree([{ ...span, parentSpanId: "7" }, child], "7").children).toHaveLength(1);
  });
});
