import { accessSync, constants, existsSync, readFileSync, statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { checkRoles } from "../check-roles.ts";
import { findPortHolder } from "../find-port-holder.ts";
import { doorsOf } from "../roles.ts";
import type { StartSettings } from "../settings.ts";
import { doors, portVariables } from "../settings.ts";
import type { Finding } from "./check.ts";
import { look } from "./check.ts";

/** Below this the usage spool may fill up: its own bound is 2 GiB. */
const comfortableFreeBytes = 2 * 1_024 ** 3;
const leastFreeBytes = 128 * 1_024 ** 2;

/** Versions, data folder and ports of this machine. */
export async function checkLocal(settings: StartSettings): Promise<Finding[]> {
  const { dataDir } = settings;
  const holder = readLockHolder(dataDir);
  return await Promise.all([
    look("node", checkNode),
    look("data folder", () => checkFolder(dataDir, holder)),
    look("free space", () => checkSpace(dataDir)),
    ...(settings.roles === undefined ? [] : [look("roles", () => checkSettings(settings))]),
    ...(settings.roles === undefined ? doors : doorsOf(settings.roles)).map((door) =>
      look(`port ${settings.ports[door]} (${portVariables[door]})`, () =>
        checkPort(settings.ports[door], holder),
      ),
    ),
  ]);
}

/** Throws what the roles lack, which is the finding then. */
function checkSettings(settings: StartSettings): Omit<Finding, "check"> {
  checkRoles(settings);
  return { state: "ok", detail: `${settings.roles?.join(", ")}: all they need is named` };
}

function checkNode(): Omit<Finding, "check"> {
  const pinned = pinnedNode();
  const own = process.versions.node;
  if (pinned === undefined || own === pinned) return { state: "ok", detail: `Node ${own}` };
  return { state: "warn", detail: `Node ${own}; tested with ${pinned}` };
}

/** From the workspace, where there is one; an installed package brings no Node. */
function pinnedNode(): string | undefined {
  try {
    const file = join(import.meta.dirname, "..", "..", "..", "..", "package.json");
    const { optionalDependencies } = JSON.parse(readFileSync(file, "utf8")) as {
      readonly optionalDependencies?: Readonly<Record<string, string>>;
    };
    return Object.values(optionalDependencies ?? {})[0];
  } catch {
    return undefined;
  }
}

function checkFolder(dataDir: string, holder: number | undefined): Omit<Finding, "check"> {
  if (!existsSync(dataDir)) {
    accessSync(nearestFolder(dataDir), constants.W_OK);
    return { state: "ok", detail: `${dataDir} will be made by the first start` };
  }
  accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  const use = holder === undefined ? "not in use" : `in use by process ${holder}`;
  return { state: "ok", detail: `${dataDir}, ${use}` };
}

function checkSpace(dataDir: string): Omit<Finding, "check"> {
  const { bavail, bsize } = statfsSync(nearestFolder(dataDir));
  const freeBytes = bavail * bsize;
  const detail = `${(freeBytes / 1_024 ** 3).toFixed(1)} GiB free`;
  if (freeBytes < leastFreeBytes) return { state: "fail", detail };
  return { state: freeBytes < comfortableFreeBytes ? "warn" : "ok", detail };
}

function checkPort(port: number, lockHolder: number | undefined): Omit<Finding, "check"> {
  if (port === 0) return { state: "ok", detail: "any free port" };
  const holder = findPortHolder(port);
  if (holder === undefined) return { state: "ok", detail: "free" };
  if (lockHolder !== undefined && isBelow(holder.pid, lockHolder)) {
    return { state: "ok", detail: "open, by this Penstock" };
  }
  return { state: "warn", detail: `in use by process ${holder.pid} (${holder.program})` };
}

/** Whether a process is `ancestor` or was started by it, directly or not. */
function isBelow(pid: number, ancestor: number): boolean {
  for (let at = pid, depth = 0; at > 1 && depth < 8; depth += 1) {
    if (at === ancestor) return true;
    at = parentOf(at);
  }
  return false;
}

/** Field 4 of /proc/<pid>/stat; 0 where there is no /proc. */
function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return 0;
  }
}

function nearestFolder(path: string): string {
  return existsSync(path) ? path : nearestFolder(dirname(path));
}

/** The process that holds the data folder, as far as it is alive. */
function readLockHolder(dataDir: string): number | undefined {
  try {
    const { pid } = JSON.parse(readFileSync(join(dataDir, "lock"), "utf8")) as { pid: number };
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined;
  }
}
