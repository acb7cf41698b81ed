import process from "node:process";
import { logText, logValue } from "./log-value.ts";

/** Levels in the order of their weight. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Fields of a record by name; any value may be given, it is redacted and bounded. */
type Fields = Readonly<Record<string, unknown>>;

/** Writes one record per call and never throws. The message is a constant, variables are fields. */
export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** A logger that adds the fields to each of its records. */
  child(fields: Fields): Logger;
}

interface LoggerOptions {
  readonly level?: LogLevel;
  readonly format?: "json" | "pretty";
  /** Takes one line with its line end; standard error when absent. */
  readonly write?: (line: string) => void;
  readonly fields?: Fields;
  /** Milliseconds since the Unix epoch. */
  readonly wallMs?: () => number;
}

const weights: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** The bound of a whole record, in bytes of UTF-8 (security.md R9). */
const recordBytes = 65_536;

const reservedNames = new Set(["time", "level", "message"]);

/** C1 controls, line separators, marks and overrides of writing direction, the byte order mark. */
const unsafeInTerminals =
  /[\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;

/**
 * Makes a logger of JSON lines (or of lines for people with format `pretty`) on standard error.
 * Keys are redacted, each field is cut at 8 KiB and each record at 64 KiB, and characters that
 * could forge a line or turn a terminal are escaped.
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  const threshold = weights[options.level ?? "info"];
  const write = options.write ?? writeToStandardError;
  const wallMs = options.wallMs ?? Date.now;
  const render = options.format === "pretty" ? renderPretty : renderJson;
  const build = (base: Fields): Logger => {
    const log = (level: LogLevel, message: string, fields?: Fields): void => {
      if (weights[level] < threshold) return;
      try {
        write(render(record({ level, message, timeMs: wallMs(), base, fields })));
      } catch {
        // A log that can't be written must not fail the request it tells about.
      }
    };
    return {
      debug: (message, fields) => log("debug", message, fields),
      info: (message, fields) => log("info", message, fields),
      warn: (message, fields) => log("warn", message, fields),
      error: (message, fields) => log("error", message, fields),
      child: (fields) => build({ ...base, ...fields }),
    };
  };
  return build(options.fields ?? {});
}

interface RecordParts {
  readonly level: LogLevel;
  readonly message: string;
  readonly timeMs: number;
  readonly base: Fields;
  readonly fields: Fields | undefined;
}

function record(parts: RecordParts): Record<string, unknown> {
  const result: Record<string, unknown> = {
    time: new Date(parts.timeMs).toISOString(),
    level: parts.level,
    message: logText(parts.message),
  };
  for (const [name, value] of Object.entries({ ...parts.base, ...parts.fields })) {
    const plain = logValue(name, value);
    if (plain !== undefined) result[reservedNames.has(name) ? `${name}_` : logText(name)] = plain;
  }
  return result;
}

function renderJson(fields: Record<string, unknown>): string {
  return `${jsonWithin(fields, recordBytes - 1)}\n`;
}

/** Drops fields from the end until the record fits; what was dropped is counted in it. */
function jsonWithin(fields: Record<string, unknown>, maxBytes: number): string {
  const text = toJson(fields);
  if (Buffer.byteLength(text) <= maxBytes) return text;
  const kept: Record<string, unknown> = {};
  let bytes = 64;
  let dropped = 0;
  for (const [name, value] of Object.entries(fields)) {
    const size = Buffer.byteLength(toJson({ [name]: value }));
    if (bytes + size > maxBytes) dropped += 1;
    else {
      kept[name] = value;
      bytes += size;
    }
  }
  return toJson({ ...kept, fields_dropped: dropped });
}

function toJson(value: unknown): string {
  return JSON.stringify(value).replace(unsafeInTerminals, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function renderPretty(fields: Record<string, unknown>): string {
  const { time, level, message, ...rest } = fields;
  const head = `${String(time).slice(11, 23)} ${String(level).toUpperCase().padEnd(5)}`;
  const tail = Object.entries(rest).map(([name, value]) => ` ${name}=${prettyValue(value)}`);
  const line = `${head} ${prettyValue(message)}${tail.join("")}`;
  return `${line.length > recordBytes / 4 ? line.slice(0, recordBytes / 4) : line}\n`;
}

/** Text stands without quotes; escapes are those of JSON, so no control character remains. */
function prettyValue(value: unknown): string {
  const text = toJson(value);
  return typeof value === "string" ? text.slice(1, -1).replaceAll('\\"', '"') : text;
}

let listensForErrors = false;

function writeToStandardError(line: string): void {
  if (!listensForErrors) {
    listensForErrors = true;
    // A reader that went away (EPIPE) would otherwise end the process.
    process.stderr.on("error", () => undefined);
  }
  process.stderr.write(line);
}
