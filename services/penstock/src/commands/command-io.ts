import { readFileSync } from "node:fs";
import process from "node:process";

/** Where a command reads and writes; tests pass their own. */
export interface CommandIo {
  /** Data: what the command was asked for. */
  out(text: string): void;
  /** Talk: progress, hints, problems. */
  talk(text: string): void;
  /** All of standard input. */
  readInput(): string;
  /** Replaces the process's environment in tests. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** The terminal. */
export function processIo(): CommandIo {
  // `penstock … | head` closes our output early; that is no reason for a stack trace.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(0);
      throw error;
    });
  }
  return {
    out: (text) => void process.stdout.write(text),
    talk: (text) => void process.stderr.write(text),
    readInput: () => readFileSync(0, "utf8"),
  };
}
