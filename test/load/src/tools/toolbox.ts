import { execFile, execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { freePort } from "./free-port.ts";
import { runH2load } from "./h2load.ts";
import { startJavascriptMock, runJavascriptLoad } from "./javascript-tools.ts";

/** What to send. */
export interface LoadOptions {
  readonly port: number;
  readonly path: string;
  /** Sent as it is with every request; for gRPC with the frame's prefix. */
  readonly bodyFile: string;
  readonly headers: readonly string[];
  readonly connections: number;
  /** Requests open on one connection; gRPC only. */
  readonly streams?: number;
  readonly seconds: number;
  /** Requests per second; 0 sends the next one as soon as the last is answered. */
  readonly rate: number;
  /** Tools that can't be told a time are told a number, from this. Requests per second. */
  readonly expectedRate: number;
}

/** What was sent, and how long the answers took. Times in microseconds. */
export interface LoadResult {
  readonly requests: number;
  readonly errors: number;
  readonly notOk: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** To the first byte of the body; absent when the tool can't tell. */
  readonly firstByteP50Us?: number;
}

/** A provider that costs next to nothing. */
export interface MockProvider {
  readonly port: number;
  stop(): void;
}

/** What the benchmark drives the gateway with. */
export interface Toolbox {
  /** One line for the report. */
  readonly description: string;
  /** What makes the figures less good than they could be. */
  readonly warnings: readonly string[];
  startMock(chunks: number, gapUs: number): Promise<MockProvider>;
  /** A provider whose answers are files of a folder; absent without a C compiler. */
  readonly startVendor:
    | ((chunks: number, gapUs: number, answers: string) => Promise<MockProvider>)
    | undefined;
  httpLoad(options: LoadOptions): Promise<LoadResult>;
  /** Absent without h2load. */
  readonly grpcLoad: ((options: LoadOptions) => Promise<LoadResult>) | undefined;
}

const run = promisify(execFile);
const source = import.meta.dirname;

/** Compiles the tools into `folder`, or takes what the machine has. */
export function prepareToolbox(folder: string): Toolbox {
  const grpcLoad = hasProgram("h2load", ["--version"]) ? runH2load(false) : undefined;
  const warnings = grpcLoad === undefined ? ["h2load is not installed: gRPC is not measured"] : [];
  if (process.platform === "linux" && compile("mock", folder) && compile("load", folder)) {
    const mock = join(folder, "mock");
    return {
      description: `C mock and load generator; gRPC: ${grpcLoad === undefined ? "-" : "h2load"}`,
      warnings,
      startMock: (chunks, gapUs) => startCompiledMock(mock, [`${chunks}`, `${gapUs}`]),
      startVendor: (chunks, gapUs, answers) =>
        startCompiledMock(mock, [`${chunks}`, `${gapUs}`, answers]),
      httpLoad: (options) => runCompiledLoad(join(folder, "load"), options),
      grpcLoad,
    };
  }
  const slow = "no C compiler: the JavaScript mock takes CPU time that the load then lacks";
  if (grpcLoad !== undefined) {
    return {
      description: "JavaScript mock, h2load",
      warnings: [...warnings, slow],
      startMock: startJavascriptMock,
      startVendor: undefined,
      httpLoad: runH2load(true),
      grpcLoad,
    };
  }
  return {
    description: "JavaScript mock and load generator",
    warnings: [...warnings, slow, "JavaScript load generator: ratios come out too low"],
    startMock: startJavascriptMock,
    startVendor: undefined,
    httpLoad: runJavascriptLoad,
    grpcLoad,
  };
}

function hasProgram(name: string, parameters: readonly string[]): boolean {
  try {
    execFileSync(name, parameters, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function compile(name: string, folder: string): boolean {
  const parameters = ["-O2", "-w", "-o", join(folder, name), join(source, `${name}.c`)];
  return hasProgram("cc", parameters);
}

async function startCompiledMock(
  command: string,
  parameters: readonly string[],
): Promise<MockProvider> {
  const port = await freePort();
  const child = spawn(command, [String(port), ...parameters], { stdio: "ignore" });
  const stop = (): void => void child.kill("SIGKILL");
  process.once("exit", stop);
  child.unref();
  await untilAnswers(port);
  return { port, stop };
}

async function untilAnswers(port: number): Promise<void> {
  const attempts = 100;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const answered = await fetch(`http://127.0.0.1:${port}/counts`).then(
      () => true,
      () => false,
    );
    if (answered) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("the mock provider does not answer");
}

async function runCompiledLoad(command: string, options: LoadOptions): Promise<LoadResult> {
  const { port, path, bodyFile, connections, rate, seconds } = options;
  const where = ["-P", String(port), "-u", path, "-b", bodyFile];
  const pace = ["-c", String(connections), "-r", String(rate), "-d", String(seconds)];
  const headers = options.headers.flatMap((header) => ["-H", header]);
  const { stdout, stderr } = await run(command, [...where, ...pace, ...headers]);
  const result = JSON.parse(stdout) as LoadResult;
  if (result.notOk > 0) process.stderr.write(`first answer that was not 200:\n${stderr}\n`);
  return result;
}
