import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "../commands/run-command.ts";
import { root } from "../commands/workspace.ts";

interface Starts {
  readonly coldSeconds: number;
  readonly warmSeconds: number;
}

const cloneTimeoutMs = 60_000;
const startTimeoutMs = 180_000;
const doors = ["HTTP", "GRPC", "CONTROL", "ADMIN", "SIMULATOR"];
// How to reach the registry is the machine's matter; caches and settings of Penstock are not.
const kept = /^(?:PATH|LANG|TMPDIR|https?_proxy|no_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE)$/i;
const keptOfNpm =
  /^npm_config_(?:registry|cafile|ca|proxy|https_proxy|noproxy|strict_ssl|userconfig|globalconfig)$/i;

let starts: Promise<Starts> | undefined;

/** Seconds until `npm start` is ready in a fresh clone, with an empty home and no caches. */
export async function measureColdStart(): Promise<number> {
  return (await (starts ??= measureStarts())).coldSeconds;
}

/** Seconds until the second start in the same clone is ready. */
export async function measureWarmStart(): Promise<number> {
  return (await (starts ??= measureStarts())).warmSeconds;
}

async function measureStarts(): Promise<Starts> {
  const folder = mkdtempSync(join(tmpdir(), "penstock-start-"));
  try {
    const clone = join(folder, "penstock");
    const home = join(folder, "home");
    mkdirSync(home);
    const parameters = ["clone", "--quiet", "--no-hardlinks", root, clone];
    const cloned = await runCommand("git", parameters, { timeoutMs: cloneTimeoutMs });
    if (cloned.exitCode !== 0) throw new Error(`git clone failed\n${cloned.output}`);
    const environment = bareEnvironment(home);
    const coldSeconds = await timeStart(clone, environment);
    const warmSeconds = await timeStart(clone, environment);
    return { coldSeconds, warmSeconds };
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function bareEnvironment(home: string): Record<string, string> {
  const given = Object.entries(process.env).filter(
    ([name]) => kept.test(name) || keptOfNpm.test(name),
  ) as [string, string][];
  const environment = Object.fromEntries(given);
  const userConfig = environment["npm_config_userconfig"] ?? join(homedir(), ".npmrc");
  const ports = Object.fromEntries(doors.map((door) => [`PENSTOCK_${door}_PORT`, "0"]));
  return { ...environment, ...ports, HOME: home, npm_config_userconfig: userConfig };
}

async function timeStart(clone: string, environment: Record<string, string>): Promise<number> {
  const startMs = performance.now();
  // A group of its own, so that npm and what it started end together.
  const child = spawn("npm", ["start"], { cwd: clone, env: environment, detached: true });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let output = "";
  const { promise: ready, resolve, reject } = Promise.withResolvers<number>();
  const note = (chunk: Buffer): void => {
    output += chunk.toString();
    if (/^ready in/m.test(output)) resolve((performance.now() - startMs) / 1_000);
  };
  child.stdout.on("data", note);
  child.stderr.on("data", note);
  child.once("error", reject);
  child.once("exit", (code) => reject(new Error(`npm start ended with ${code}\n${output}`)));
  const timer = setTimeout(() => reject(new Error(`not ready\n${output}`)), startTimeoutMs);
  try {
    return await ready;
  } finally {
    clearTimeout(timer);
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGTERM");
    await ended;
  }
}
