import { appendFileSync } from "node:fs";
import { readEnvironmentVariable } from "@penstock/runtime";
import { describe, it } from "vitest";
import { agentPackage, findAgent } from "./coding-agents.ts";
import type { AgentName } from "./coding-agents.ts";
import { isLeftOut } from "./left-out.ts";
import { findGo } from "./go.ts";
import { findNats } from "./nats.ts";
import { findPostgres } from "./postgres.ts";
import { findPython } from "./python.ts";

/** A server, an agent, or a toolchain with packages of others, whose tests run only where it is installed. */
export type LaneName = "nats" | "postgres" | "python" | "go" | AgentName;

/** How tests of a lane are described. */
export interface ServerLane {
  readonly available: boolean;
  /** Where it was found; undefined where it was not. */
  readonly program: string | undefined;
  /** vitest's `describe` where the server is installed; else skips, or fails when required. */
  describe(name: string, body: () => void): void;
}

const missing: Readonly<Record<LaneName, string>> = {
  nats: "nats-server is not on PATH",
  postgres: "initdb is neither on PATH nor under /usr/lib/postgresql",
  python: "python3 with venv is not on PATH, or its packages can't be installed",
  "claude-code": absent("claude-code"),
  codex: absent("codex"),
  opencode: absent("opencode"),
  go: "go is not on PATH, or the modules of its example can't be had",
};

const find: Readonly<Record<LaneName, () => string | undefined>> = {
  nats: findNats,
  postgres: findPostgres,
  python: findPython,
  go: findGo,
  "claude-code": () => findAgent("claude-code"),
  codex: () => findAgent("codex"),
  opencode: () => findAgent("opencode"),
};

function absent(name: AgentName): string {
  return `${agentPackage(name)} is neither in PENSTOCK_TEST_AGENTS nor on PATH`;
}

const noted = new Set<LaneName>();

/**
 * The lane of a server. When it is missing, a line `<lane>: <reason>` is appended to the file
 * named by PENSTOCK_TEST_NOT_RUN_FILE, so that "not run" is said aloud; when PENSTOCK_TEST_REQUIRE
 * (names separated by commas) lists it, its tests fail instead.
 */
export function serverLane(name: LaneName): ServerLane {
  const program = find[name]();
  if (program !== undefined)
    return { available: true, program, describe: (title, body) => describe(title, body) };
  const required = (readEnvironmentVariable("PENSTOCK_TEST_REQUIRE") ?? "").split(",");
  const isRequired = required.some((lane) => lane.trim() === name);
  if (!isRequired) noteNotRun(name);
  const fail = (): void => {
    it("has its server", () => {
      throw new Error(`PENSTOCK_TEST_REQUIRE lists ${name}, but ${reasonOf(name)}`);
    });
  };
  const describeMissing = (title: string, body: () => void): void => {
    if (isRequired) describe(title, fail);
    else describe.skip(title, body);
  };
  return { available: false, program, describe: describeMissing };
}

function reasonOf(name: LaneName): string {
  return isLeftOut(name) ? "PENSTOCK_TEST_WITHOUT leaves it out" : missing[name];
}

function noteNotRun(name: LaneName): void {
  const file = readEnvironmentVariable("PENSTOCK_TEST_NOT_RUN_FILE");
  if (file === undefined || noted.has(name)) return;
  noted.add(name);
  appendFileSync(file, `${name}: ${reasonOf(name)}\n`);
}
