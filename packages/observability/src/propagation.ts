import type { SpanContext } from "./span.ts";

const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/s;
const maxCharacters = 512;

/**
 * Reads a W3C `traceparent`. Undefined for what the standard calls invalid; a version after 00 is
 * read by its first four fields, as the standard asks.
 */
export function parseTraceparent(text: string | null | undefined): SpanContext | undefined {
  if (text === null || text === undefined || text.length > maxCharacters) return undefined;
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, version, traceId = "", spanId = "", flags = "", rest] = match;
  if (version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** Writes a context as W3C `traceparent` of version 00. */
export function formatTraceparent(context: SpanContext): string {
  return `00-${context.traceId}-${context.spanId}-${context.sampled ? "01" : "00"}`;
}
