import { readFileSync, readlinkSync } from "node:fs";
import process from "node:process";

/** Which process: an id alone may be another's by now. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot (Linux), so that a reused process id is not taken for the old one. */
  readonly startTime: string;
  /** Boot and process namespace: process ids of another container say nothing here. */
  readonly namespace: string;
}

/** Who this process is. */
export function thisProcess(): ProcessIdentity {
  const { pid } = process;
  return { pid, startTime: startTimeOf(pid), namespace: namespaceOfProcess() };
}

/** "unseen": of another container or an earlier boot; only time tells. */
export function stateOfProcess(identity: ProcessIdentity): "alive" | "gone" | "unseen" {
  if (identity.namespace !== namespaceOfProcess()) return "unseen";
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return "gone";
  }
  return startTimeOf(identity.pid) === identity.startTime ? "alive" : "gone";
}

/** The identity in a JSON text; undefined when it is none. */
export function parseProcessIdentity(text: string): ProcessIdentity | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return undefined;
    const { pid, startTime, namespace } = value as Record<string, unknown>;
    if (typeof pid !== "number" || !Number.isInteger(pid)) return undefined;
    if (typeof startTime !== "string" || typeof namespace !== "string") return undefined;
    return { pid, startTime, namespace };
  } catch {
    return undefined;
  }
}

/**
 * Field 22 of /proc/<pid>/stat; empty where there is no /proc. Also empty for a process that has
 * ended and whom nobody has waited for: in a container without an init it stays in the table.
 */
function startTimeOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the command in parentheses and may itself contain spaces.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state === "Z" || state === "X" ? "" : (fields[18] ?? "");
  } catch {
    return "";
  }
}

function namespaceOfProcess(): string {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return "";
  }
}
