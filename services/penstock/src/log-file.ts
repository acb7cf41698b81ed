import { closeSync, fstatSync, openSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Where the services' log lines go while the terminal shows the card. */
export interface LogFile {
  readonly file: string;
  /** Takes a line with its line end. */
  write(line: string): void;
  /** Writes what waits, and closes. */
  close(): void;
}

/** What bounds the file, and who hears of warnings. */
export interface LogFileOptions {
  /** Size at which the file becomes `penstock.log.1` (one is kept); 16 MiB when absent. */
  readonly maxBytes?: number;
  /** Gets every line of level warn or error. */
  readonly onWarning?: (line: string) => void;
}

const defaultMaxBytes = 16 * 1_024 * 1_024;
// One write per so many milliseconds is cheap, and a tail still looks alive.
const flushEveryMs = 50;
// When the disk hangs or is full, lines beyond this are dropped rather than kept in memory.
const maxWaitingCharacters = 4 * 1_024 * 1_024;

/** Opens `penstock.log` in the data folder; lines are collected and written every 50 ms. */
export function openLogFile(dataDir: string, options: LogFileOptions = {}): LogFile {
  const file = join(dataDir, "penstock.log");
  const maxBytes = options.maxBytes ?? defaultMaxBytes;
  let descriptor = openSync(file, "a", 0o600);
  let size = fstatSync(descriptor).size;
  let waiting: string[] = [];
  let waitingCharacters = 0;
  let timer: NodeJS.Timeout | undefined;
  let rotateAtBytes = maxBytes;
  let isRotationTold = false;
  const rotate = (): void => {
    try {
      moveAside(file);
      const next = openSync(file, "a", 0o600);
      closeSync(descriptor);
      descriptor = next;
      size = 0;
      rotateAtBytes = maxBytes;
      isRotationTold = false;
    } catch (thrown) {
      // A file that is too large is better than none. Tried again when there is a good deal more.
      rotateAtBytes = size + maxBytes / 16;
      if (isRotationTold) return;
      isRotationTold = true;
      const line = notRotated(file, thrown);
      options.onWarning?.(line);
      size += writeSync(descriptor, line);
    }
  };
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (waiting.length === 0) return;
    const text = waiting.join("");
    waiting = [];
    waitingCharacters = 0;
    try {
      if (size > 0 && size + Buffer.byteLength(text) > rotateAtBytes) rotate();
      size += writeSync(descriptor, text);
    } catch {
      // A full disk must not end the gateway; the lines are lost.
    }
  };
  const write = (line: string): void => {
    if (isWarning(line)) options.onWarning?.(line);
    if (waitingCharacters + line.length > maxWaitingCharacters) return;
    waiting.push(line);
    waitingCharacters += line.length;
    timer ??= setTimeout(flush, flushEveryMs).unref();
  };
  const close = (): void => {
    flush();
    closeSync(descriptor);
  };
  return { file, write, close };
}

/** The open file keeps its descriptor: what is written before the next one is open is not lost. */
function moveAside(file: string): void {
  try {
    renameSync(file, `${file}.1`);
  } catch (thrown) {
    // Somebody else has moved or removed it.
    if ((thrown as NodeJS.ErrnoException).code !== "ENOENT") throw thrown;
  }
}

function notRotated(file: string, thrown: unknown): string {
  const message = `${file} can't be begun anew; the log goes on in the same file, which grows`;
  const cause = thrown instanceof Error ? thrown.message : String(thrown);
  const record = { time: new Date().toISOString(), level: "warn", message, cause };
  return `${JSON.stringify(record)}\n`;
}

function isWarning(line: string): boolean {
  return /^\{"time":"[^"]*","level":"(?:warn|error)"/.test(line);
}

/** One line for a person: level, message and the fields that are short. */
function shortenLogLine(line: string): string {
  const record = parse(line);
  const { level, message, time: _time, service: _service, ...fields } = record;
  const shown = Object.entries(fields)
    .filter(([, value]) => typeof value !== "object" && String(value).length <= 120)
    .slice(0, 4)
    .map(([name, value]) => `${name}=${String(value)}`);
  const details = shown.length === 0 ? "" : ` (${shown.join(", ")})`;
  return `${level === "error" ? "error" : "warning"}: ${String(message)}${details}`;
}

/** The same warning is shown once in this time; all of them stand in the file. */
const quietMs = 60_000;
const maxRemembered = 1_000;

/** Makes what shows warnings to a person: shortened, and each kind only now and then. */
export function createWarningEcho(
  show: (text: string) => void,
  nowMs: () => number,
): (line: string) => void {
  const shownAtMs = new Map<string, number>();
  return (line) => {
    const { message, method, variable, target } = parse(line);
    const kind = [message, method, variable, target].map(String).join(" ");
    const now = nowMs();
    if (now - (shownAtMs.get(kind) ?? -Infinity) < quietMs) return;
    if (shownAtMs.size >= maxRemembered) shownAtMs.clear();
    shownAtMs.set(kind, now);
    show(shortenLogLine(line));
  };
}

function parse(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return { level: "warn", message: line.trim() };
  }
}
