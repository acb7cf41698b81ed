import { accessSync, constants, existsSync, readFileSync, statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { checkRoles } from "../check-roles.ts";
import type { DemoEnvironment } from "../demo-env.ts";
import { findPortHolder } from "../find-port-holder.ts";
import type { PortHolder } from "../find-port-holder.ts";
import { doorsOf } from "../roles.ts";
import type { Door, StartSettings } from "../settings.ts";
import { doors, portVariables } from "../settings.ts";
import type { Finding } from "./check.ts";
import { look } from "./check.ts";

/** Below this the usage spool may fill up: its own bound is 2 GiB. */
const comfortableFreeBytes = 2 * 1_024 ** 3;
const leastFreeBytes = 128 * 1_024 ** 2;

/**
 * Versions, data folder and ports of this machine: the ports of the Penstock that runs with this
 * folder, whoever chose them, or those that a start would open. `isApart`: what runs is several
 * processes, whose addresses demo.env tells.
 */
export async function checkLocal(
  settings: StartSettings,
  demo: DemoEnvironment,
  isApart = false,
): Promise<Finding[]> {
  const { dataDir } = settings;
  const holder = readLockHolder(dataDir);
  const running = holder === undefined && !isApart ? {} : portsOf(demo);
  return await Promise.all([
    look("node", checkNode),
    look("data folder", () => checkFolder(dataDir, holder)),
    look("free space", () => checkSpace(dataDir)),
    ...(settings.roles === undefined ? [] : [look("roles", () => checkSettings(settings))]),
    ...(settings.roles === undefined ? doors : doorsOf(settings.roles)).map((door) => {
      const open = running[door];
      if (open !== undefined) {
        return look(`port ${open} (${door})`, () => checkOpenPort(open, holder));
      }
      const port = settings.ports[door];
      return look(`port ${port} (${portVariables[door]})`, () => checkPort(port, door, holder));
    }),
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

type Result = Omit<Finding, "check">;

function checkPort(port: number, door: Door, lockHolder: number | undefined): Result {
  if (port === 0) return { state: "ok", detail: "any free port" };
  const holder = findPortHolder(port);
  if (holder === undefined) return { state: "ok", detail: "free" };
  if (isOwn(holder, lockHolder)) return { state: "ok", detail: "open, by this Penstock" };
  const advice = `End it, or start Penstock with another ${portVariables[door]}.`;
  return { state: "warn", detail: `in use by ${named(holder)}`, advice };
}

/** A port that demo.env tells of, while the process that wrote it runs. */
function checkOpenPort(port: number, lockHolder: number | undefined): Result {
  const holder = findPortHolder(port);
  if (holder === undefined) {
    const detail = "nobody that can be seen from here listens";
    return { state: "warn", detail, advice: "Look into penstock.log in the data folder." };
  }
  if (isOwn(holder, lockHolder)) return { state: "ok", detail: "open, by this Penstock" };
  // Of several processes each holds its own; whether they answer is asked apart.
  if (lockHolder === undefined) return { state: "ok", detail: `open, by ${named(holder)}` };
  return { state: "warn", detail: `in use by ${named(holder)}, which is not this Penstock` };
}

function isOwn({ pid }: PortHolder, lockHolder: number | undefined): boolean {
  return lockHolder !== undefined && isBelow(pid, lockHolder);
}

function named({ pid, program }: PortHolder): string {
  return `process ${pid} (${program})`;
}

/** The ports in the addresses of demo.env, by door. */
function portsOf(demo: DemoEnvironment): Partial<Record<Door, number>> {
  const addresses: Record<Door, string | undefined> = {
    http: demo.OPENAI_BASE_URL,
    grpc:
      demo.PENSTOCK_GRPC_ADDRESS === undefined ? undefined : `http://${demo.PENSTOCK_GRPC_ADDRESS}`,
    control: demo.PENSTOCK_CONTROL_URL,
    admin: demo.PENSTOCK_ADMIN_URL,
    simulator: demo.PENSTOCK_SIMULATOR_URL,
  };
  const ports: Partial<Record<Door, number>> = {};
  for (const door of doors) {
    const address = addresses[door] ?? "";
    const port = URL.canParse(address) ? Number(new URL(address).port) : 0;
    if (port > 0) ports[door] = port;
  }
  return ports;
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
