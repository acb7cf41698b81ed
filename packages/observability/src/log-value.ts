import { isSensitiveName, redactText, redacted } from "./redact.ts";

/** The bound of one field of a log record, in bytes of UTF-8 (security.md R9). */
export const fieldBytes = 8_192;

const maxDepth = 6;
const maxEntries = 64;

/**
 * Turns any value into one that JSON can write, bounded in depth and size and redacted. Never
 * throws, whatever getters or `toJSON` methods do.
 */
export function logValue(name: string, value: unknown): unknown {
  try {
    const plain = toPlain(name, value, 0);
    if (typeof plain !== "object" || plain === null) return plain;
    const text = JSON.stringify(plain);
    return Buffer.byteLength(text) <= fieldBytes ? plain : cut(text);
  } catch {
    return "[unprintable]";
  }
}

/** Cuts a text to the bound of one field, redacted first in what remains. */
export function logText(text: string): string {
  return cut(redactText(text.length > fieldBytes ? text.slice(0, fieldBytes) : text));
}

function cut(text: string): string {
  if (text.length * 3 <= fieldBytes || Buffer.byteLength(text) <= fieldBytes) return text;
  const mark = "…[cut]";
  return (
    Buffer.from(text)
      .subarray(0, fieldBytes - 16)
      .toString() + mark
  );
}

function toPlain(name: string, value: unknown, depth: number): unknown {
  if (value === undefined || value === null || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (isSensitiveName(name)) return redacted;
  if (typeof value === "string") return logText(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object") return `[${typeof value}]`;
  if (depth >= maxDepth) return "[deep]";
  return objectToPlain(name, value, depth);
}

function objectToPlain(name: string, value: object, depth: number): unknown {
  if (value instanceof Error) return errorToPlain(value, depth);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if ("toJSON" in value && typeof value.toJSON === "function") {
    return toPlain(name, value.toJSON(), depth + 1);
  }
  if (Array.isArray(value)) {
    return value.slice(0, maxEntries).map((item) => toPlain("", item, depth + 1));
  }
  if (value instanceof Set) return toPlain(name, [...value], depth);
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return entriesToPlain(entries, depth);
}

function entriesToPlain(entries: [unknown, unknown][], depth: number): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [key, item] of entries.slice(0, maxEntries)) {
    plain[logText(String(key))] = toPlain(String(key), item, depth + 1);
  }
  return plain;
}

function errorToPlain(error: Error, depth: number): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  const reason = "reason" in error && typeof error.reason === "string" ? error.reason : undefined;
  const code = "code" in error && typeof error.code !== "object" ? error.code : undefined;
  return entriesToPlain(
    Object.entries({ name, reason, code, message, stack, cause }).filter(
      ([, item]) => item !== undefined,
    ),
    depth,
  );
}
