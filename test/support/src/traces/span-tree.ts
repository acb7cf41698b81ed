import type { ReceivedSpan } from "./received-span.ts";

/** A span with what hangs below it, in the order in which it began. */
export interface SpanNode {
  readonly span: ReceivedSpan;
  readonly children: readonly SpanNode[];
}

/**
 * Builds the tree of one trace. `callerSpanId` is the span of a caller outside, which is never
 * received and stands for the root's parent. Throws when the spans are of several traces, one came
 * twice, there is not exactly one root, or a parent is missing.
 */
export function spanTree(spans: readonly ReceivedSpan[], callerSpanId?: string): SpanNode {
  const known = new Set(spans.map(({ spanId }) => spanId));
  if (known.size !== spans.length) throw new Error(`a span came twice:\n${list(spans)}`);
  if (new Set(spans.map(({ traceId }) => traceId)).size > 1) {
    throw new Error(`spans of several traces:\n${list(spans)}`);
  }
  const isRoot = ({ parentSpanId }: ReceivedSpan): boolean =>
    parentSpanId === undefined || parentSpanId === callerSpanId;
  const roots = spans.filter(isRoot);
  const [root] = roots;
  if (root === undefined || roots.length > 1) {
    throw new Error(`${roots.length} roots instead of one:\n${list(spans)}`);
  }
  const orphans = spans.filter((span) => !isRoot(span) && !known.has(span.parentSpanId ?? ""));
  if (orphans.length > 0) throw new Error(`without their parent:\n${list(orphans)}`);
  return nodeOf(root, spans);
}

/** The tree as text, two blanks per level: `kind name`. */
export function drawTree(node: SpanNode, depth = 0): string {
  const line = `${"  ".repeat(depth)}${node.span.kind} ${node.span.name}`;
  return [line, ...node.children.map((child) => drawTree(child, depth + 1))].join("\n");
}

function nodeOf(span: ReceivedSpan, spans: readonly ReceivedSpan[]): SpanNode {
  const children = spans
    .filter(({ parentSpanId }) => parentSpanId === span.spanId)
    .toSorted((a, b) => a.startMs - b.startMs)
    .map((child) => nodeOf(child, spans));
  return { span, children };
}

function list(spans: readonly ReceivedSpan[]): string {
  const line = (span: ReceivedSpan): string =>
    `${span.traceId}/${span.spanId} below ${span.parentSpanId ?? "nothing"}: ${span.name}`;
  return spans.map(line).join("\n");
}
