import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { readEnvironmentVariable } from "@penstock/runtime";
import { runPenstock } from "./run-penstock.ts";

/** Where an agent runs, and whom it asks. */
export interface AgentPlace {
  readonly program: string;
  /** A folder of its own: its home, and what it works on. */
  readonly folder: string;
  /** HTTP door. */
  readonly url: string;
  readonly key: string;
}

/** How an agent ended. */
export interface AgentEnd {
  /** Each line of JSON that it printed. */
  readonly events: readonly Record<string, unknown>[];
  /** Everything that it printed. */
  readonly text: string;
}

const longestRunMs = 120_000;

/** What keeps an agent from calling home: it has no business but the gateway. */
const quiet = {
  DISABLE_TELEMETRY: "1",
  DISABLE_ERROR_REPORTING: "1",
  DISABLE_AUTOUPDATER: "1",
};

/** Runs Claude Code without a terminal, configured as `penstock connect` says. */
export async function runClaudeCode(
  place: AgentPlace,
  model: string,
  parameters: readonly string[],
): Promise<AgentEnd> {
  const { environment } = JSON.parse(
    await connect("claude-code", place, ["--model", model, "-o", "json"]),
  ) as { environment: Record<string, string> };
  const values = Object.entries(environment).map(([name, value]) => [
    name,
    value === "$PENSTOCK_API_KEY" ? place.key : value,
  ]);
  const output = ["--output-format", "stream-json", "--verbose", "--allowedTools", "Bash"];
  return run(place, ["-p", ...parameters, ...output], Object.fromEntries(values));
}

/** Runs Codex without a terminal, configured as `penstock connect` says. */
export async function runCodex(
  place: AgentPlace,
  model: string,
  parameters: readonly string[],
): Promise<AgentEnd> {
  const text = await connect("codex", place, ["--model", model]);
  return execCodex(place, text, parameters);
}

/** Runs Codex with its own provider, of which it knows nothing but another address. */
export function runReaddressedCodex(
  place: AgentPlace,
  model: string,
  parameters: readonly string[],
): Promise<AgentEnd> {
  const lines = [`model = "${model}"`, `openai_base_url = "${place.url}/v1"`, ""];
  return execCodex(place, lines.join("\n"), parameters);
}

function execCodex(
  place: AgentPlace,
  settings: string,
  parameters: readonly string[],
): Promise<AgentEnd> {
  const folder = join(place.folder, ".codex");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.toml"), settings);
  return run(place, ["exec", ...parameters, "--skip-git-repo-check", "--json"], {
    PENSTOCK_API_KEY: place.key,
    // Of its own provider.
    CODEX_API_KEY: place.key,
  });
}

/** Runs opencode without a terminal, configured as `penstock connect` says. */
export async function runOpencode(
  place: AgentPlace,
  model: string,
  prompt: string,
): Promise<AgentEnd> {
  const folder = join(place.folder, ".config", "opencode");
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "opencode.json"),
    await connect("opencode", place, ["--model", model]),
  );
  const environment = {
    PENSTOCK_API_KEY: place.key,
    OPENCODE_DISABLE_AUTOUPDATE: "1",
    OPENCODE_DISABLE_MODELS_FETCH: "1",
  };
  // Of parameters it would quote the quotes.
  return run(place, ["run"], environment, prompt);
}

async function connect(
  agent: string,
  { url }: AgentPlace,
  parameters: readonly string[],
): Promise<string> {
  const { stdout } = await runPenstock(["connect", agent, "--http-url", url, ...parameters]);
  return stdout;
}

function run(
  { program, folder }: AgentPlace,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>>,
  input?: string,
): Promise<AgentEnd> {
  const work = join(folder, "work");
  mkdirSync(work, { recursive: true });
  // The Node that the launchers of npm look for is the one that runs the tests.
  const folders = [dirname(process.execPath), readEnvironmentVariable("PATH") ?? ""];
  const env = { ...quiet, PATH: folders.join(delimiter), HOME: folder, ...environment };
  const options = { cwd: work, env, timeout: longestRunMs, maxBuffer: 64 * 1024 * 1024 };
  return new Promise((resolve) => {
    const child = execFile(program, parameters, options, (_failure, stdout, stderr) => {
      resolve({ events: eventsOf(stdout), text: stdout + stderr });
    });
    child.stdin?.end(input);
  });
}

function eventsOf(text: string): Record<string, unknown>[] {
  const lines = text.split("\n").filter((line) => line.startsWith("{"));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}
