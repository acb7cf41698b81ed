import { readdirSync, readFileSync } from "node:fs";

// USER_HZ of Linux: what /proc counts in, on every machine.
const tickUs = 10_000;

interface Stat {
  readonly parent: number;
  readonly cpuUs: number;
}

/** CPU time so far of a process and of each of its children, in microseconds. Linux only. */
export function cpuOfFamily(pid: number): {
  readonly own: number;
  readonly children: ReadonlyMap<number, number>;
} {
  const children = new Map<number, number>();
  for (const entry of readdirSync("/proc")) {
    if (!/^[0-9]+$/.test(entry)) continue;
    const stat = readStat(entry);
    if (stat?.parent === pid) children.set(Number(entry), stat.cpuUs);
  }
  return { own: readStat(String(pid))?.cpuUs ?? 0, children };
}

/** Undefined for a process that is gone. */
function readStat(pid: string): Stat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The second field is the name in brackets, which may hold anything; behind it: state, parent.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [userTicks, systemTicks] = [Number(fields[11]), Number(fields[12])];
  return { parent: Number(fields[1]), cpuUs: (userTicks + systemTicks) * tickUs };
}
