import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** The process that listens on a port. */
export interface PortHolder {
  readonly pid: number;
  /** Name of its program. */
  readonly program: string;
}

const listening = "0A";

/** Looks in /proc; undefined where there is none, or the process is another user's. */
export function findPortHolder(port: number): PortHolder | undefined {
  const sockets = new Set([...listeners("tcp", port), ...listeners("tcp6", port)]);
  if (sockets.size === 0) return undefined;
  return processes().find(({ pid }) => holdsOneOf(pid, sockets));
}

/** `socket:[inode]` of every socket that listens on the port. */
function listeners(table: string, port: number): string[] {
  const ending = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return linesOf(`/proc/net/${table}`).flatMap((line) => {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    return local?.endsWith(ending) === true && state === listening ? [`socket:[${inode}]`] : [];
  });
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n").slice(1);
  } catch {
    return [];
  }
}

function processes(): PortHolder[] {
  try {
    const names = readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name));
    return names.map((name) => ({ pid: Number(name), program: programOf(name) }));
  } catch {
    return [];
  }
}

function programOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "unknown";
  }
}

function holdsOneOf(pid: number, sockets: ReadonlySet<string>): boolean {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some((name) => sockets.has(linkTarget(`${folder}/${name}`)));
  } catch {
    return false;
  }
}

function linkTarget(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
