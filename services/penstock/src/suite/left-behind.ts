import { execFileSync } from "node:child_process";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { sleep, systemClock } from "@penstock/runtime";

const waitMs = 10_000;
const lookEveryMs = 100;

/** Which processes a suite started, on disk, for the case that it is killed itself. */
export class ProcessList {
  readonly #file: string;
  readonly #processes = new Map<string, number>();

  constructor(folder: string) {
    this.#file = join(folder, "processes.json");
  }

  note(name: string, pid: number): void {
    this.#processes.set(name, pid);
    this.#write();
  }

  clear(): void {
    this.#processes.clear();
    this.#write();
  }

  /**
   * Ends what an earlier suite of this folder left behind; gives the names. A process id that
   * belongs to another program by now is left alone: `mark` must be in its command line.
   */
  async endLeftBehind(marks: readonly string[]): Promise<string[]> {
    const alive = Object.entries(this.#read()).filter(([, pid]) => isOurs(pid, marks));
    for (const [, pid] of alive) kill(pid, "SIGINT");
    const endMs = systemClock.monotonicMs() + waitMs;
    const isAnyAlive = (): boolean => alive.some(([, pid]) => isOurs(pid, marks));
    while (isAnyAlive() && systemClock.monotonicMs() < endMs) {
      await sleep(systemClock, lookEveryMs);
    }
    for (const [, pid] of alive) if (isOurs(pid, marks)) kill(pid, "SIGKILL");
    return alive.map(([name]) => name);
  }

  #read(): Record<string, number> {
    try {
      return JSON.parse(readFileSync(this.#file, "utf8")) as Record<string, number>;
    } catch {
      return {};
    }
  }

  #write(): void {
    const text = JSON.stringify(Object.fromEntries(this.#processes));
    writeFileSync(`${this.#file}.new`, `${text}\n`, { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }
}

function isOurs(pid: number, marks: readonly string[]): boolean {
  try {
    const command = execFileSync("ps", ["-ww", "-o", "command=", "-p", String(pid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return marks.some((mark) => command.includes(mark));
  } catch {
    return false;
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended meanwhile.
  }
}
