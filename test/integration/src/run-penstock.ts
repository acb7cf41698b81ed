import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const root = join(import.meta.dirname, "..", "..", "..");

/** The program that `npm run -s penstock` runs, with the Node that runs the tests. */
export const penstockMain = join(root, "services", "penstock", "src", "main.ts");

/** How a command ended. */
export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A Penstock that commands talk to. */
export interface CommandTarget {
  /** Of policy; and of the others where they are not named. */
  readonly controlUrl: string;
  readonly quotaUrl?: string;
  readonly telemetryUrl?: string;
  readonly adminUrl: string;
  readonly adminToken: string;
}

const commandTimeoutMs = 20_000;

/** Runs a command of penstock in a process of its own, against the target if one is given. */
export async function runPenstock(
  parameters: readonly string[],
  target?: CommandTarget,
): Promise<CommandResult> {
  const environment = target && {
    PENSTOCK_CONTROL_URL: target.controlUrl,
    PENSTOCK_QUOTA_URL: target.quotaUrl ?? target.controlUrl,
    PENSTOCK_TELEMETRY_URL: target.telemetryUrl ?? target.controlUrl,
    PENSTOCK_ADMIN_URL: target.adminUrl,
    PENSTOCK_ADMIN_TOKEN: target.adminToken,
  };
  const child = spawn(process.execPath, [penstockMain, ...parameters], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: commandTimeoutMs,
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? -1));
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    ended,
  ]);
  return { exitCode, stdout, stderr };
}
