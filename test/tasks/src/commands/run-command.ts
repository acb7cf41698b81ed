import { spawn } from "node:child_process";
import { root } from "./workspace.ts";

/** How a command ended; `output` is stdout and stderr as they came, empty when it was relayed. */
export interface CommandResult {
  readonly exitCode: number;
  readonly output: string;
  readonly durationMs: number;
}

/** Options of {@link runCommand}. */
export interface CommandOptions {
  /** Working folder; the root of the repository when absent. */
  readonly folder?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** True: output goes straight to ours instead of into the result. */
  readonly relay?: boolean;
  /** The command is killed after this long. */
  readonly timeoutMs: number;
}

/** Runs a program without input; never throws: a program that cannot start has exit code 127. */
export function runCommand(
  command: string,
  parameters: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const startedMs = performance.now();
  return new Promise((resolve) => {
    const child = spawn(command, parameters, {
      cwd: options.folder ?? root,
      env: { ...process.env, ...options.environment },
      stdio: ["ignore", options.relay ? "inherit" : "pipe", options.relay ? "inherit" : "pipe"],
      timeout: options.timeoutMs,
      killSignal: "SIGKILL",
    });
    const chunks: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => chunks.push(text));
    }
    const finish = (exitCode: number, more = ""): void =>
      resolve({
        exitCode,
        output: chunks.join("") + more,
        durationMs: performance.now() - startedMs,
      });
    child.on("error", (error) => finish(127, error.message));
    child.on("close", (code, signal) => {
      finish(code ?? 1, signal === null ? "" : `\nended by ${signal}\n`);
    });
  });
}
