import process from "node:process";
import { exitCodes } from "../output/command-error.ts";
import { readStandardInput } from "./read-input.ts";

/** Where a command reads and writes; tests pass their own. */
export interface CommandIo {
  /** Data: what the command was asked for. */
  out(text: string): void;
  /** Talk: progress, hints, problems. */
  talk(text: string): void;
  /** All of standard input. */
  readInput(): string | Promise<string>;
  /** Whether programs read what goes wrong: the command was asked for JSON. */
  readonly errorsAsJson?: boolean;
  /** What to do when nobody reads the output any more, instead of ending at once. */
  whenOutputCloses?(run: () => void): void;
  /** Replaces the process's environment in tests. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** What of standard output and standard error is used; tests pass their own. */
export interface OutputStream {
  write(text: string): unknown;
  on(event: "error", listener: (error: NodeJS.ErrnoException) => void): unknown;
}

/** A reader that is gone, as seen by the first write and by those after it. */
const closedCodes = new Set(["EPIPE", "ERR_STREAM_DESTROYED"]);

/** The terminal. */
export function processIo(
  output: OutputStream = process.stdout,
  talk: OutputStream = process.stderr,
  exit: (code: number) => void = process.exit,
): CommandIo {
  // `penstock … | head` closes our output early; that is no reason for a stack trace.
  let onClosed: (() => void) | undefined;
  let isClosed = false;
  for (const stream of [output, talk]) {
    stream.on("error", (error) => {
      // What is said afterwards fails as well; it is asked to end only once.
      if (isClosed) return;
      isClosed = true;
      const isUnread = closedCodes.has(error.code ?? "");
      // A full disk below a file: what was asked for is not in it.
      if (!isUnread && stream === output) {
        talk.write(`penstock: the output can't be written: ${error.message}\n`);
      }
      if (onClosed === undefined) exit(isUnread ? exitCodes.done : exitCodes.failed);
      else onClosed();
    });
  }
  return {
    out: (text) => void output.write(text),
    talk: (text) => void talk.write(text),
    readInput: () => readStandardInput(),
    whenOutputCloses: (run) => (onClosed = run),
  };
}
