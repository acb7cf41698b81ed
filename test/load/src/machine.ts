import { execFileSync } from "node:child_process";
import { cpus, loadavg, totalmem, type as systemType } from "node:os";
import { resolve } from "node:path";
import process from "node:process";

/** Where and when something was measured. */
export interface Machine {
  readonly description: string;
  /** Short hash; with `+` when files differ from it; `unknown` outside of a repository. */
  readonly commit: string;
  /** ISO 8601. */
  readonly date: string;
  /** Load average of the last minute when it began. */
  readonly loadAverage: number;
}

const root = resolve(import.meta.dirname, "../../..");

/** Describes this machine and this checkout. */
export function describeMachine(): Machine {
  const model = cpus()[0]?.model.trim() ?? "unknown processor";
  const memoryGib = Math.round(totalmem() / 2 ** 30);
  return {
    description: `${cpus().length} × ${model}, ${memoryGib} GiB, ${systemType()}, Node ${process.version}`,
    commit: readCommit(),
    date: new Date().toISOString(),
    loadAverage: loadavg()[0] ?? 0,
  };
}

function readCommit(): string {
  try {
    const git = (...parameters: string[]): string =>
      execFileSync("git", parameters, { cwd: root, encoding: "utf8", stdio: "pipe" }).trim();
    const changed = git("status", "--porcelain", "--untracked-files=no") !== "";
    return `${git("rev-parse", "--short=10", "HEAD")}${changed ? "+" : ""}`;
  } catch {
    return "unknown";
  }
}
