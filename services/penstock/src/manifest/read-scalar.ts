import type { DescEnum, JsonValue } from "@bufbuild/protobuf";
import { fromJson, ScalarType } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { toGatewayError } from "@penstock/errors";
import { parseMoney } from "@penstock/pricing";
import type { Scalar } from "yaml";

/** A value in proto JSON, or what is wrong, as the end of a sentence that begins with the path. */
export type ReadValue = { readonly value: JsonValue } | { readonly problem: string };

const int32 = { smallest: -(2n ** 31n), largest: 2n ** 31n - 1n };
const int64 = { smallest: -(2n ** 63n), largest: 2n ** 63n - 1n };

/** Reads a number, a text or a truth value as the proto wants it. */
export function readScalar(node: Scalar, type: ScalarType): ReadValue {
  switch (type) {
    case ScalarType.STRING:
      return readText(node);
    case ScalarType.BOOL:
      if (typeof node.value === "boolean") return { value: node.value };
      return { problem: `must be true or false, not ${shown(node)}` };
    case ScalarType.INT32:
      return readInteger(node, int32, Number);
    case ScalarType.INT64:
      return readInteger(node, int64, String);
    default:
      return { problem: "can't be set in a manifest" };
  }
}

function readText(node: Scalar): ReadValue {
  if (typeof node.value === "string") return { value: node.value };
  return { problem: `must be text; put it in quotes: "${sourceOf(node)}"` };
}

function readInteger(
  node: Scalar,
  range: typeof int64,
  convert: (value: bigint) => JsonValue,
): ReadValue {
  const text = sourceOf(node);
  if (!/^-?[0-9]{1,19}$/.test(text)) {
    return { problem: `must be a whole number, not ${shown(node)}` };
  }
  const value = BigInt(text);
  if (value >= range.smallest && value <= range.largest) return { value: convert(value) };
  return { problem: `must be from ${range.smallest} to ${range.largest}, not ${text}` };
}

/** Reads decimal US dollars into nano-USD. A number with a fraction must be in quotes. */
export function readDecimalMoney(node: Scalar): ReadValue {
  const text = sourceOf(node);
  if (typeof node.value === "number") {
    return { problem: `must be in quotes, so that no digit is lost: "${text}"` };
  }
  try {
    return { value: String(parseMoney(text)) };
  } catch (thrown) {
    const [violation] = toGatewayError(thrown).fieldViolations;
    return { problem: `${violation?.description ?? "is not an amount"}, not ${shown(node)}` };
  }
}

/** Reads `DAY` as well as `BUDGET_PERIOD_DAY`. */
export function readEnum(node: Scalar, descriptor: DescEnum): ReadValue {
  const prefix = (descriptor.sharedPrefix ?? "").toUpperCase();
  const known = descriptor.values.filter(({ number }) => number !== 0);
  const found = known.find(
    ({ name }) => name === node.value || name === `${prefix}${String(node.value)}`,
  );
  if (found !== undefined) return { value: found.name };
  const names = known.map(({ name }) => name.slice(prefix.length));
  return { problem: `must be ${names.join(" or ")}, not ${shown(node)}` };
}

const nanosPerUnit = { ms: 6, s: 9, m: 9, h: 9 } as const;
const factorOfUnit = { ms: 1n, s: 1n, m: 60n, h: 3_600n } as const;

/** Reads `5s`, `300ms`, `1.5s`, `1m` or `24h` into the seconds of proto JSON, exactly. */
export function readDuration(node: Scalar): ReadValue {
  const form = /^([0-9]{1,9})(?:\.([0-9]{1,9}))?(ms|s|m|h)$/.exec(String(node.value));
  const problem = `must be a duration such as 5s, 300ms or 1m, not ${shown(node)}`;
  if (form === null) return { problem };
  const [, whole = "", fraction = ""] = form;
  const unit = form[3] as keyof typeof nanosPerUnit;
  const digits = nanosPerUnit[unit];
  if (fraction.length > digits) return { problem };
  const nanos = BigInt(whole + fraction.padEnd(digits, "0")) * factorOfUnit[unit];
  const seconds = nanos / 1_000_000_000n;
  const rest = (nanos % 1_000_000_000n).toString().padStart(9, "0").replace(/0+$/, "");
  return { value: `${seconds}${rest === "" ? "" : `.${rest}`}s` };
}

/** Reads an RFC 3339 time. */
export function readTimestamp(node: Scalar): ReadValue {
  const problem = `must be a time such as 2026-01-31T12:00:00Z, not ${shown(node)}`;
  if (typeof node.value !== "string") return { problem };
  try {
    fromJson(TimestampSchema, node.value);
    return { value: node.value };
  } catch {
    return { problem };
  }
}

function sourceOf(node: Scalar): string {
  return typeof node.value === "string" ? node.value : (node.source ?? String(node.value));
}

/** As in the file, clipped. */
function shown(node: Scalar): string {
  const text = sourceOf(node);
  const clipped = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return typeof node.value === "string" ? JSON.stringify(clipped) : clipped;
}
