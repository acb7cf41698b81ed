import { Secret } from "./secret.ts";

interface VariableBase {
  /** The name in the environment, e.g. `PENSTOCK_HTTP_PORT`. */
  readonly name: string;
  /** Absence is a problem; not to be combined with `default`. */
  readonly required?: boolean;
}

interface NumberVariable extends VariableBase {
  /** `duration` is written `250ms`, `5s`, `2m` or `1h` and read as milliseconds. */
  readonly kind: "integer" | "port" | "duration";
  readonly default?: number;
  /** Smallest accepted value; milliseconds for durations. Ports are 0 to 65535 anyway. */
  readonly min?: number;
  /** Largest accepted value; milliseconds for durations. */
  readonly max?: number;
}

interface StringVariable extends VariableBase {
  readonly kind: "string";
  readonly default?: string;
  /** The only values accepted, when given. */
  readonly allowed?: readonly string[];
}

interface UrlVariable extends VariableBase {
  readonly kind: "url";
  readonly default?: string;
  /** Accepted schemes without colon, e.g. `["nats", "tls"]`; any when absent. */
  readonly schemes?: readonly string[];
}

interface BooleanVariable extends VariableBase {
  /** Written `true`, `false`, `1`, `0`, `yes`, `no`, `on` or `off`, in any case. */
  readonly kind: "boolean";
  readonly default?: boolean;
}

interface SecretVariable extends VariableBase {
  /** Read as a `Secret`. */
  readonly kind: "secret";
  readonly default?: undefined;
}

/** One variable: its name, what it may hold and what holds when it is absent. */
export type VariableSpec =
  | NumberVariable
  | StringVariable
  | UrlVariable
  | BooleanVariable
  | SecretVariable;

/** The type a variable is read as. */
export type ValueOf<Spec extends VariableSpec> = Spec["kind"] extends
  | "integer"
  | "port"
  | "duration"
  ? number
  : Spec["kind"] extends "boolean"
    ? boolean
    : Spec["kind"] extends "secret"
      ? Secret
      : string;

/** A value, or what is wrong with the text, as the end of a sentence that begins with the name. */
export type ParsedVariable =
  | { readonly value: string | number | boolean | Secret }
  | { readonly problem: string };

/** Reads the text of one variable; pure. */
export function parseVariable(spec: VariableSpec, text: string): ParsedVariable {
  switch (spec.kind) {
    case "string":
      if (spec.allowed === undefined || spec.allowed.includes(text)) return { value: text };
      return { problem: `must be one of ${spec.allowed.join(", ")}, not ${quoted(text)}` };
    case "secret":
      return { value: new Secret(text) };
    case "boolean":
      return parseBoolean(text);
    case "url":
      return parseUrl(spec, text);
    case "integer":
    case "port":
      return parseInteger(spec, text);
    case "duration":
      return parseDuration(spec, text);
  }
}

const booleans = new Map<string, boolean>([
  ["true", true],
  ["1", true],
  ["yes", true],
  ["on", true],
  ["false", false],
  ["0", false],
  ["no", false],
  ["off", false],
]);

function parseBoolean(text: string): ParsedVariable {
  const value = booleans.get(text.toLowerCase());
  return value === undefined
    ? { problem: `must be true or false, not ${quoted(text)}` }
    : { value };
}

function parseUrl(spec: UrlVariable, text: string): ParsedVariable {
  if (!URL.canParse(text)) return { problem: "must be a URL" };
  const scheme = new URL(text).protocol.slice(0, -1);
  if (spec.schemes === undefined || spec.schemes.includes(scheme)) return { value: text };
  return { problem: `must be a URL that begins with ${spec.schemes.join(":// or ")}://` };
}

function parseInteger(spec: NumberVariable, text: string): ParsedVariable {
  const isPort = spec.kind === "port";
  const smallest = spec.min ?? (isPort ? 0 : Number.MIN_SAFE_INTEGER);
  const largest = spec.max ?? (isPort ? 65_535 : Number.MAX_SAFE_INTEGER);
  const value = /^[+-]?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= smallest && value <= largest) return { value };
  const noun = isPort ? "a port number" : "an integer";
  return { problem: `must be ${noun}${range(spec, isPort)}, not ${quoted(text)}` };
}

function range(spec: NumberVariable, isPort: boolean): string {
  const smallest = spec.min ?? (isPort ? 0 : undefined);
  const largest = spec.max ?? (isPort ? 65_535 : undefined);
  if (smallest !== undefined && largest !== undefined) return ` from ${smallest} to ${largest}`;
  if (smallest !== undefined) return ` of at least ${smallest}`;
  return largest === undefined ? "" : ` of at most ${largest}`;
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function parseDuration(spec: NumberVariable, text: string): ParsedVariable {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text);
  const value = match === null ? Number.NaN : Number(match[1]) * (unitMs[match[2] ?? ""] ?? 0);
  const smallest = spec.min ?? 0;
  const largest = spec.max ?? Number.MAX_SAFE_INTEGER;
  if (value >= smallest && value <= largest) return { value: Math.round(value) };
  const least = spec.min === undefined ? "" : ` of at least ${spec.min} ms`;
  const most = spec.max === undefined ? "" : ` of at most ${spec.max} ms`;
  return { problem: `must be a duration such as 5s or 250ms${least}${most}, not ${quoted(text)}` };
}

/** Clipped, because a value pasted into the wrong variable may be anything. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
