import { spawn } from "node:child_process";
import { once } from "node:events";
import { vi } from "vitest";
import { penstockMain } from "./run-penstock.ts";

/** A door of a role, as its log names it. */
export type RoleDoor = "http" | "grpc" | "admin" | "control" | "simulator";

/** `penstock start --role …` in a process of its own. */
export interface RoleProcess {
  /** `http://127.0.0.1:<port>` of an open door. */
  url(door: RoleDoor): string;
  /** What `/readyz` of a door says; status 0: nobody answers. */
  readiness(door: RoleDoor): Promise<{ readonly status: number; readonly text: string }>;
  /** Waits until `/readyz` of a door answers 200. */
  untilReady(door: RoleDoor): Promise<void>;
  /** Resolves with the exit code, or the signal. */
  readonly ended: Promise<number | string>;
  /** All that it logged. */
  output(): string;
  stop(signal: "SIGTERM" | "SIGKILL"): Promise<number | string>;
}

const patience = { timeout: 30_000, interval: 50 };
const doors: readonly RoleDoor[] = ["http", "grpc", "admin", "control", "simulator"];

/** Starts roles with these variables alone; doors that name no port take a free one. */
export function startRole(
  roles: string,
  environment: Readonly<Record<string, string>>,
): RoleProcess {
  const anyPort = Object.fromEntries(
    doors.map((door) => [`PENSTOCK_${door.toUpperCase()}_PORT`, "0"]),
  );
  const child = spawn(process.execPath, [penstockMain, "start", "--role", roles], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: process.env["PATH"], ...anyPort, ...environment },
  });
  let output = "";
  child.stderr.on("data", (bytes: Buffer) => (output += bytes.toString()));
  const ended = once(child, "exit").then(([code, signal]) => (code ?? signal) as number | string);
  const url = (door: RoleDoor): string => `http://127.0.0.1:${openDoors(output)[door]}`;
  const readiness = async (door: RoleDoor) => {
    try {
      const response = await fetch(`${url(door)}/readyz`);
      return { status: response.status, text: await response.text() };
    } catch {
      return { status: 0, text: "" };
    }
  };
  return {
    url,
    readiness,
    untilReady: async (door) => {
      await vi.waitFor(async () => {
        const { status, text } = await readiness(door);
        if (status !== 200) throw new Error(`${roles}: ${status} ${text}\n${output}`);
      }, patience);
    },
    ended,
    output: () => output,
    stop: async (signal) => {
      child.kill(signal);
      return await ended;
    },
  };
}

interface OpenDoors {
  readonly worker?: number;
  readonly ports: Partial<Record<RoleDoor, number>>;
}

function openDoors(output: string): Partial<Record<RoleDoor, number>> {
  for (const line of output.split("\n")) {
    if (!line.includes('"the doors are open"')) continue;
    const { worker, ports } = JSON.parse(line) as OpenDoors;
    // A worker's doors are those of its group, which also has the admin port.
    if (worker === undefined) return ports;
  }
  return {};
}
