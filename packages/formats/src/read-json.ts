import { invalidBody } from "./invalid-body.ts";
import { findJsonProblem } from "./json-problem.ts";
import { scanJson, type JsonLimits, type JsonScan } from "./scan-json.ts";

// The mark of the byte order is kept, so that `JSON.parse` refuses it.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads a JSON object from bytes within bounds: scan, UTF-8, syntax, numbers. The result has no
 * key by which one gets at a prototype and no number that is not finite. Throws FIELD_INVALID.
 */
export function readJsonObject(body: Uint8Array, limits?: JsonLimits): Record<string, unknown> {
  return read(body, limits).value;
}

/** The text of bytes, if they are ASCII and so as many as its characters; undefined for others. */
export function decodeAscii(body: Uint8Array): string | undefined {
  try {
    const text = decoder.decode(body);
    return text.length === body.length ? text : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Reads a JSON object like `readJsonObject`, and says what the scan of its bytes has found. For
 * bodies that may go on as they are: no object of it has a key twice, of which another reader may
 * take the first, while what was checked is the last. `text` is that of the body, where it is known.
 */
export function readScannedJson(
  body: Uint8Array,
  limits?: JsonLimits,
  text?: string,
): { value: Record<string, unknown>; scan: JsonScan } {
  const { value, scan } = read(body, limits, text);
  if (scan.mayRepeatKey && countKeys(value) !== scan.keys) {
    throw invalidBody("", "has an object in which a key is given twice");
  }
  return { value, scan };
}

/** Depth is bounded by the scan, so that recursion is safe. */
function countKeys(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value as readonly unknown[]) count += countKeys(item);
    return count;
  }
  // Read from JSON: every member is its own.
  const members = value as Readonly<Record<string, unknown>>;
  for (const name in members) count += 1 + countKeys(members[name]);
  return count;
}

function read(
  body: Uint8Array,
  limits: JsonLimits | undefined,
  text?: string,
): { value: Record<string, unknown>; scan: JsonScan } {
  if (body.length === 0) throw invalidBody("", "is empty; a JSON object is expected");
  const scan = scanJson(body, limits);
  const value = parse(text ?? decode(body));
  if (!isJsonObject(value)) throw invalidBody("", "is not a JSON object");
  if (scan.escapedTopLevelKey && Object.keys(value).length !== scan.topLevelKeys) {
    throw invalidBody("", "has a field that is given twice");
  }
  if (scan.mayOverflow) refuseInfinity(value, "");
  return { value, scan };
}

/** Whether a value read from JSON is an object, neither null nor a list. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function decode(body: Uint8Array): string {
  try {
    return decoder.decode(body);
  } catch {
    throw invalidBody("", "is not valid UTF-8");
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    const { position, problem } = findJsonProblem(text);
    throw invalidBody("", `is not valid JSON: ${problem} (at character ${position})`);
  }
}

/** Depth is bounded by the scan, so that recursion is safe. */
function refuseInfinity(value: unknown, path: string): void {
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw invalidBody(path, "is a number out of range");
    return;
  }
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    const step = Array.isArray(value) ? `[${key}]` : path === "" ? key : `.${key}`;
    refuseInfinity(member, path + step);
  }
}
