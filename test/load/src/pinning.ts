import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import process from "node:process";

/** The core of the process that is measured, and that of everything else. */
export const cores = { measured: "0", others: "1" } as const;

/** Whether processes can be tied to cores here: Linux, two cores, `taskset`, `chrt`. */
export function canPin(): boolean {
  if (process.platform !== "linux" || availableParallelism() < 2) return false;
  try {
    execFileSync("taskset", ["--version"], { stdio: "ignore" });
    execFileSync("chrt", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Ties this process to the core of the others; what it starts from now on inherits that. */
export function pinMyself(): void {
  execFileSync("taskset", ["-a", "-p", "-c", cores.others, String(process.pid)], {
    stdio: "ignore",
  });
}

/**
 * Wraps a command so that it runs on a core; in the background it gets only what all others leave,
 * so that it does not slow the load generator down that shares its core.
 */
export function onCore(
  core: string | undefined,
  background: boolean,
  command: readonly string[],
): readonly string[] {
  const pinned = core === undefined ? command : ["taskset", "-c", core, ...command];
  return background ? ["chrt", "--idle", "0", ...pinned] : pinned;
}
