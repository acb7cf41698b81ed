import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { serverLane } from "@penstock/test-support";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

const root = join(import.meta.dirname, "../../..");
const readme = readFileSync(join(root, "README.md"), "utf8");

/** The commands of the tour, in their order. */
const tourCommands = (): string[] => commandsOf("Five-minute tour");

function commandsOf(title: string): string[] {
  const section = readme.split(`## ${title}`)[1]?.split("\n## ")[0] ?? "";
  return [...section.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => (match[1] ?? "").trim());
}

function tour(command: readonly string[]): void {
  let dataDir: string;
  let started: ChildProcess;
  let said = "";

  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "penstock-tour-"));
    const anyPort = "0";
    const main = join(root, "services/penstock/src/main.ts");
    started = spawn(process.execPath, [main, ...command], {
      cwd: root,
      env: {
        PATH: process.env["PATH"],
        HOME: dataDir,
        PENSTOCK_DATA_DIR: dataDir,
        PENSTOCK_HTTP_PORT: anyPort,
        PENSTOCK_GRPC_PORT: anyPort,
        PENSTOCK_CONTROL_PORT: anyPort,
        PENSTOCK_ADMIN_PORT: anyPort,
        PENSTOCK_SIMULATOR_PORT: anyPort,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    started.stdout?.on("data", (chunk: Buffer) => (said += chunk.toString()));
    started.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const ready = (): void => expect(said, said).toMatch(/^ready in/m);
    await vi.waitFor(ready, { timeout: 90_000, interval: 50 });
  }, 100_000);

  afterAll(async () => {
    const ended = new Promise((resolve) => started.once("exit", resolve));
    started.kill("SIGINT");
    await ended;
    rmSync(dataDir, { recursive: true, force: true });
  }, 60_000);

  it("has at most twelve commands, all of which do what it says", () => {
    const commands = tourCommands();
    expect(commands.length).toBeGreaterThan(5);
    expect(commands.length).toBeLessThanOrEqual(12);
    const outputs = run(commands, dataDir);
    const text = (part: string): string => {
      const at = commands.findIndex((command) => command.includes(part));
      expect(at, part).toBeGreaterThanOrEqual(0);
      return outputs[at] ?? "";
    };
    expect(text('"model":"smart"')).toContain("alpha-large received 1 messages");
    expect(text('"model":"flaky"')).toMatch(/x-penstock-provider: providers\/beta/);
    expect(text("-- why")).toContain("providers/beta answered attempt 2");
    expect(text("-- explain")).toContain("deployments/alpha-large");
    expect(text("for i in")).toBe("200\n200\n200\n200\n200\n429\n");
    expect(text("-- usage")).toMatch(/cheap +providers\/\w+/);
    expect(text("-- get all")).toContain("kind: Route");
    expect(text("-- doctor")).toMatch(/ok/);
  }, 60_000);

  it("gives every client and coding agent what it reads", () => {
    const commands = commandsOf("Clients and coding agents");
    expect(commands).toHaveLength(5);
    const [environment = ""] = tourCommands();
    const [, answer, , claude = "", codex, opencode] = run([environment, ...commands], dataDir);
    expect(answer).toContain('"type":"message"');
    expect(answer).toContain("alpha-large received 1 messages");
    expect(codex).toContain('env_key = "PENSTOCK_API_KEY"');
    expect(opencode).toContain("{env:PENSTOCK_API_KEY}");
    // What is printed for an agent's shell, run by a shell, is what the agent's requests need.
    const ask = `curl -s $ANTHROPIC_BASE_URL/v1/models -H "authorization: Bearer $ANTHROPIC_AUTH_TOKEN"`;
    const exports = claude.replaceAll(/^(?!export ).*$/gm, "");
    expect(exports).toContain("ANTHROPIC_BASE_URL=");
    const key = "export PENSTOCK_API_KEY=$OPENAI_API_KEY";
    const [, , , models] = run([environment, key, exports, ask], dataDir);
    expect(models).toContain('"smart"');
  }, 60_000);

  it("is there for the examples of the client's README", () => {
    const folder = join(dataDir, "examples");
    mkdirSync(join(folder, "node_modules/@penstock"), { recursive: true });
    const client = join(root, "packages/client");
    symlinkSync(client, join(folder, "node_modules/@penstock/client"));
    const [environment = ""] = tourCommands();
    const printed = ["example.mjs", "openai.mjs"].map((file) => {
      const text = readFileSync(join(client, "README.md"), "utf8").split(`// ${file}\n`)[1] ?? "";
      writeFileSync(join(folder, file), text.split("```", 1)[0] ?? "");
      return run([environment, `'${process.execPath}' '${join(folder, file)}'`], dataDir)[1];
    });
    expect(printed[0]).toMatch(/alpha-large received [^]*\nby deployments\/alpha-large request /);
    expect(printed[0]).toMatch(/\ntokens \d+n\n[^]*\bsmart\b/);
    expect(printed[1]).toMatch(/^alpha-large received [^]*\n404 MODEL_NOT_FOUND\n$/);
  }, 60_000);

  it("names an environment file that is there and nobody else can read", () => {
    expect(existsSync(join(dataDir, "demo.env"))).toBe(true);
    expect(tourCommands()[0]).toContain(". .penstock/demo.env");
  });
}

describe("the tour of the README", () => tour(["start"]));

serverLane("nats").describe("the tour of the README", () => {
  serverLane("postgres").describe("against every role as a process", () => {
    tour(["suite", "--free-ports"]);
  });
});

/** Runs the commands in one shell and gives what each said, on both of its outputs. */
function run(commands: readonly string[], dataDir: string): string[] {
  const mark = "\u001e";
  const lines = commands.map((command) => command.replaceAll(".penstock/", `${dataDir}/`));
  const script = lines.map((line) => `${line}\nprintf '${mark}'`).join("\n");
  const shell = spawnSync("bash", ["-e", "-c", `exec 2>&1\n${script}`], {
    cwd: root,
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], PENSTOCK_DATA_DIR: dataDir },
    encoding: "utf8",
    timeout: 55_000,
  });
  expect(shell.status, shell.stdout).toBe(0);
  return shell.stdout.split(mark);
}
