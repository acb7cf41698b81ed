import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readEnvironmentVariable } from "@penstock/runtime";
import { findProgram } from "./find-program.ts";
import { isLeftOut } from "./left-out.ts";

/** The versions that the tests know; another one may ask in another way. */
const pinned = {
  "claude-code": { program: "claude", version: "2.1.330", package: "@anthropic-ai/claude-code" },
  codex: { program: "codex", version: "0.169.0", package: "@openai/codex" },
  opencode: { program: "opencode", version: "1.18.33", package: "opencode-ai" },
} as const;

/** A coding agent that tests run. */
export type AgentName = keyof typeof pinned;

/** What is to be installed in the folder that PENSTOCK_TEST_AGENTS names, by npm. */
export function agentPackage(name: AgentName): string {
  return `${pinned[name].package}@${pinned[name].version}`;
}

/** An agent of the pinned version, in the folder of PENSTOCK_TEST_AGENTS or on PATH. */
export function findAgent(name: AgentName): string | undefined {
  if (isLeftOut(name)) return undefined;
  const { program, version } = pinned[name];
  const folder = readEnvironmentVariable("PENSTOCK_TEST_AGENTS");
  const installed = folder === undefined ? [] : [join(folder, "node_modules", ".bin")];
  const found = findProgram(program, installed);
  if (found === undefined) return undefined;
  const env = { PATH: readEnvironmentVariable("PATH") ?? "", HOME: tmpdir() };
  const { stdout } = spawnSync(found, ["--version"], { encoding: "utf8", timeout: 60_000, env });
  return (stdout ?? "").split(/\s+/).includes(version) ? found : undefined;
}
