import process from "node:process";
import { GatewayError } from "@penstock/errors";
import { fileSuffix, readVariableFile } from "./env-file.ts";
import { parseVariable } from "./env-value.ts";
import type { ValueOf, VariableSpec } from "./env-value.ts";
import { unknownVariables } from "./unknown-variables.ts";
import type { UnknownVariable, UnknownVariablesOptions } from "./unknown-variables.ts";

/** Variables of one reader, by the name its code uses. */
export type EnvironmentSpec = Readonly<Record<string, VariableSpec>>;

/** The values of a spec: absent ones without a default are undefined unless `required`. */
export type EnvironmentValues<Spec extends EnvironmentSpec> = {
  readonly [Key in keyof Spec]: Spec[Key] extends { required: true } | { default: {} }
    ? ValueOf<Spec[Key]>
    : ValueOf<Spec[Key]> | undefined;
};

/** Settings of the reader itself. */
export interface ReadEnvironmentOptions {
  /** Where to read; the environment of the process when absent. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

// Names other tools have made customary. Penstock's own name wins where both are set.
const aliases: Readonly<Record<string, readonly string[]>> = {
  PENSTOCK_BUS_URL: ["NATS_URL"],
  PENSTOCK_DATABASE_URL: ["DATABASE_URL"],
};

interface Problem {
  readonly field: string;
  readonly description: string;
}

/**
 * Reads and checks every variable of `spec`. An empty variable counts as absent; `<NAME>_FILE`
 * names a file that holds the value of `<NAME>`. All problems are collected: the GatewayError
 * (FIELD_INVALID) has one field violation per variable, and never shows the value of a secret or
 * a URL (which may hold a password).
 */
export function readEnvironment<const Spec extends EnvironmentSpec>(
  spec: Spec,
  options: ReadEnvironmentOptions = {},
): EnvironmentValues<Spec> {
  const environment = options.environment ?? process.env;
  const problems: Problem[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, variable] of Object.entries(spec)) {
    const { name, text, problem } = find(environment, variable.name);
    if (problem !== undefined) {
      problems.push({ field: name, description: problem });
      continue;
    }
    if (text === undefined) {
      values[key] = variable.default;
      if (variable.required === true) problems.push({ field: name, description: "is not set" });
      continue;
    }
    const result = parseVariable(variable, text);
    if ("problem" in result) problems.push({ field: name, description: result.problem });
    else values[key] = result.value;
  }
  if (problems.length > 0) throw asError(problems);
  return Object.freeze(values) as EnvironmentValues<Spec>;
}

/** One variable as it stands, for credential references such as `env:NAME`; empty is absent. */
export function readEnvironmentVariable(name: string): string | undefined {
  const text = process.env[name];
  return text === "" ? undefined : text;
}

/** As `unknownVariables`, of the environment of the process when none is given. */
export function findUnknownVariables(
  options: UnknownVariablesOptions & ReadEnvironmentOptions,
): UnknownVariable[] {
  return unknownVariables(options.environment ?? process.env, options);
}

/** What a child process gets: all that this one has, with these changes; undefined takes away. */
export function inheritedEnvironment(
  changes: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  return { ...process.env, ...changes };
}

interface Found {
  readonly name: string;
  readonly text?: string;
  readonly problem?: string;
}

function find(environment: Readonly<Record<string, string | undefined>>, name: string): Found {
  for (const candidate of [name, ...(aliases[name] ?? [])]) {
    const text = environment[candidate] || undefined;
    const file = environment[candidate + fileSuffix] || undefined;
    if (text !== undefined && file !== undefined) {
      return { name: candidate, problem: `is set, and ${candidate + fileSuffix} too` };
    }
    if (text !== undefined) return { name: candidate, text };
    if (file !== undefined) return { name: candidate + fileSuffix, ...readVariableFile(file) };
  }
  return { name };
}

function asError(problems: readonly Problem[]): GatewayError {
  const lines = problems.map(({ field, description }) => `${field} ${description}`);
  return new GatewayError("FIELD_INVALID", `environment: ${lines.join("; ")}`, {
    source: "gateway",
    fieldViolations: [...problems],
  });
}
