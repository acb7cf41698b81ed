import { redactText } from "@penstock/observability";

const nameWidth = 10;
const mostCharacters = 400;
/** In every record; the prefix says it already. */
const hiddenFields = new Set(["time", "level", "message", "service", "trace_id", "stack"]);

/**
 * One line of a part's output as people read it: time, part, level, message, fields. Lines that
 * are no log records are shown as they are. Undefined for what people need not see.
 */
export function renderLogLine(name: string, line: string): string | undefined {
  const prefix = name.padEnd(nameWidth);
  const record = readRecord(line);
  if (record === undefined) {
    const text = line.trimEnd();
    return text === "" ? undefined : `${prefix} ${redactText(text).slice(0, mostCharacters)}`;
  }
  const level = String(record["level"] ?? "").toUpperCase();
  const time = String(record["time"] ?? "").slice(11, 19);
  const fields = Object.entries(record)
    .filter(([key]) => !hiddenFields.has(key))
    .map(([key, value]) => `${key}=${shown(value)}`);
  const text = [String(record["message"] ?? ""), ...fields].join(" ");
  return `${time} ${prefix} ${level.padEnd(5)} ${text}`.slice(0, mostCharacters);
}

/** Cuts what arrives in pieces into lines. */
export function lineReader(onLine: (line: string) => void): (chunk: Buffer | string) => void {
  let rest = "";
  return (chunk) => {
    const lines = (rest + String(chunk)).split("\n");
    rest = (lines.pop() ?? "").slice(-mostCharacters * 100);
    for (const line of lines) onLine(line);
  };
}

function readRecord(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** Errors by their sentence: their stacks are in the log files. */
function shown(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "object" && value !== null && "message" in value) {
    return JSON.stringify(value.message);
  }
  return JSON.stringify(value);
}
