import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { root } from "../commands/workspace.ts";

/** A Penstock of one's own, in a folder that goes with it. */
export interface RunningPenstock {
  /** Ends in `/v1`. */
  readonly baseUrl: string;
  /** Text of the demo's virtual key. */
  readonly key: string;
  stop(): Promise<void>;
}

const startTimeoutMs = 60_000;

/** Starts everything on free ports, with the environment of this process. */
export async function startPenstock(): Promise<RunningPenstock> {
  const dataDir = mkdtempSync(join(tmpdir(), "penstock-live-"));
  const main = join(root, "services", "penstock", "src", "main.ts");
  const doors = ["http", "grpc", "control", "admin", "simulator"];
  const ports = doors.flatMap((door) => [`--${door}-port`, "0"]);
  const child = spawn(process.execPath, [main, "start", "--data-dir", dataDir, ...ports]);
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await ended;
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 3 });
  };
  let output = "";
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  const note = (chunk: Buffer): void => {
    output += chunk.toString();
    if (/^ready in/m.test(output)) resolve();
  };
  child.stdout.on("data", note);
  child.stderr.on("data", note);
  child.once("error", reject);
  child.once("exit", (code) => reject(new Error(`start ended with ${code}`)));
  const timer = setTimeout(() => reject(new Error("not ready in time")), startTimeoutMs);
  try {
    await ready;
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  const demo = parseEnv(readFileSync(join(dataDir, "demo.env"), "utf8"));
  return { baseUrl: demo["OPENAI_BASE_URL"] ?? "", key: demo["OPENAI_API_KEY"] ?? "", stop };
}
