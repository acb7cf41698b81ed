import { createHash } from "node:crypto";

/** An answer of a real vendor, as it is kept. */
export interface RecordedAnswer {
  readonly status: number;
  /** Those of `keptHeaders` alone. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body, where it is UTF-8; free of credentials. */
  readonly text?: string;
  /** The body in base64, where it is not. */
  readonly base64?: string;
}

/** A request by which its answers are found again. Its body is not kept, only its hash. */
export interface Exchange {
  readonly vendor: string;
  readonly method: string;
  /** Path behind the vendor's name, without a query. */
  readonly path: string;
  /** SHA-256, hexadecimal, of the body with its members in order of their names. */
  readonly bodySha256: string;
  /** For people: the model that was asked for; empty where the body names none. */
  readonly model: string;
  /** ISO 8601. */
  readonly recordTime: string;
  /** One for each time the request was made, oldest first. */
  readonly answers: readonly RecordedAnswer[];
}

/** What finds an exchange again. */
export type ExchangeKey = Pick<Exchange, "vendor" | "method" | "path" | "bodySha256">;

/** Deeper bodies are hashed as bytes. */
const maximumDepth = 100;

/** Hashes a body so that the order of members and white space do not matter. */
export function hashBody(body: Uint8Array): string {
  return createHash("sha256").update(canonicalText(body)).digest("hex");
}

/** The model that a body names; empty where it names none. */
export function modelOf(body: Uint8Array): string {
  const fields = parse(body);
  const model = isObject(fields) ? fields["model"] : undefined;
  return typeof model === "string" ? model.slice(0, 256) : "";
}

/** One name for a key: it names the exchange's file. */
export function nameOf({ vendor, method, path, bodySha256 }: ExchangeKey): string {
  const hash = createHash("sha256").update(`${method} ${path}\n${bodySha256}`).digest("hex");
  return `${vendor}-${hash.slice(0, 32)}`;
}

function canonicalText(body: Uint8Array): string | Uint8Array {
  const value = parse(body);
  if (value === undefined) return body;
  try {
    return JSON.stringify(sorted(value, 0));
  } catch {
    return body;
  }
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body)) as unknown;
  } catch {
    return undefined;
  }
}

function sorted(value: unknown, depth: number): unknown {
  if (depth > maximumDepth) throw new RangeError("too deep");
  if (Array.isArray(value)) return value.map((item) => sorted(item, depth + 1));
  if (!isObject(value)) return value;
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return members.map(([name, member]) => [name, sorted(member, depth + 1)]);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
