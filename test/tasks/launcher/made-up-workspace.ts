import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { root as repository } from "../src/commands/workspace.ts";

/** How a launch ended. */
export interface Launch {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A workspace with the real launcher, a program that says what it was given, and an `npx` that
 * writes down how it was called instead of downloading anything.
 */
export class MadeUpWorkspace {
  readonly root = mkdtempSync(join(tmpdir(), "penstock-launcher-"));
  readonly #tools = join(this.root, "tools");
  readonly #calls = join(this.root, "npx-calls.txt");

  constructor() {
    const nodePackage = `node-${process.platform}-${process.arch}`;
    this.write(
      "package.json",
      JSON.stringify({
        packageManager: "pnpm@12.21.0",
        optionalDependencies: { [nodePackage]: "26.10.0" },
      }),
    );
    this.write("pnpm-workspace.yaml", "packages: []\n");
    this.write("pnpm-lock.yaml", "lockfileVersion: '9.0'\n");
    this.write("packages/a/package.json", "{}");
    this.write("test/tasks/src/hello.ts", 'console.log("hello", ...process.argv.slice(2));\n');
    this.write("services/penstock/package.json", "{}");
    this.write("services/penstock/src/main.ts", program);
    const bin = join("services", "penstock", "bin");
    cpSync(join(repository, bin), join(this.root, bin), { recursive: true });
    const nodeFolder = join("node_modules", nodePackage, "bin");
    this.write(
      "tools/npx",
      `#!/bin/sh
echo "$@ | $(env | grep -i '^npm_' | cut -d= -f1 | sort | tr '\\n' ' ')" >> '${this.#calls}'
[ -n "$NPX_FAILS" ] && { echo "ERR_PNPM_META_FETCH_FAIL getaddrinfo ENOTFOUND registry"; exit 1; }
[ "$NPX_SECONDS" = exec ] && exec sleep 60
sleep "\${NPX_SECONDS:-0}"
mkdir -p '${nodeFolder}' node_modules/.bin
ln -sf '${process.execPath}' '${nodeFolder}/node'
echo "Progress: resolved 9, reused 9, downloaded 0, added 9, done"
echo "+ something else nobody needs to see"
`,
    );
    chmodSync(join(this.#tools, "npx"), 0o755);
  }

  /** Writes a file, its folders included. */
  write(path: string, text: string): void {
    mkdirSync(join(this.root, path, ".."), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  /** Calls of npx so far: parameters, then the names of npm's variables it saw. */
  calls(): string[] {
    if (!existsSync(this.#calls)) return [];
    return readFileSync(this.#calls, "utf8").trim().split("\n");
  }

  /** Starts the launcher; the caller waits for it or ends it. */
  start(parameters: readonly string[], environment: Record<string, string> = {}): ChildProcess {
    const launcher = join(this.root, "services", "penstock", "bin", "penstock.mjs");
    const path = [this.#tools, "/usr/bin", "/bin"].join(delimiter);
    return spawn(process.execPath, [launcher, ...parameters], {
      env: { PATH: path, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  /** Starts a script of the repository's package.json in the way of npm: by a shell. */
  startScript(name: string, parameter: string): ChildProcess {
    const file = readFileSync(join(repository, "package.json"), "utf8");
    const { scripts } = JSON.parse(file) as { scripts: Record<string, string> };
    const folders = [join(process.execPath, ".."), this.#tools, "/usr/bin", "/bin"];
    return spawn("sh", ["-c", `${scripts[name]} ${parameter}`], {
      cwd: this.root,
      env: { PATH: folders.join(delimiter) },
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  /** Runs the launcher to its end. */
  launch(parameters: readonly string[], environment: Record<string, string> = {}): Promise<Launch> {
    return ended(this.start(parameters, environment));
  }

  /** Deletes everything. */
  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

const program = `
const [command, ...rest] = process.argv.slice(2);
const waits = process.argv.at(-1) === "wait";
if (!waits) console.log("main", command, ...rest);
if (command === "exit") process.exit(Number(rest[0]));
if (command === "die") process.kill(process.pid, "SIGKILL");
if (waits) {
  process.on("SIGTERM", () => process.exit(7));
  process.on("SIGINT", () => process.exit(8));
  setInterval(() => {}, 1_000);
  console.log("waiting");
}
if (command === "path") console.log(process.env.PATH.split(":")[0]);
`;

/** Waits for a launch to end and collects what it said. */
export function ended(child: ChildProcess): Promise<Launch> {
  const chunks = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (chunks.stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (chunks.stderr += text));
  return new Promise((resolve) => {
    child.on("close", (code) => resolve({ code, ...chunks }));
  });
}
