import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

/** What the file may hold, in the order in which it is written. */
export const demoVariables = [
  "OPENAI_BASE_URL",
  "OPENAI_API_KEY",
  "ANTHROPIC_BASE_URL",
  "ANTHROPIC_AUTH_TOKEN",
  "PENSTOCK_GRPC_ADDRESS",
  "PENSTOCK_CONTROL_URL",
  "PENSTOCK_QUOTA_URL",
  "PENSTOCK_TELEMETRY_URL",
  "PENSTOCK_ADMIN_URL",
  "PENSTOCK_ADMIN_TOKEN",
  "PENSTOCK_SIMULATOR_URL",
] as const;

/** The values by variable; one without a value is left out of the file. */
export type DemoEnvironment = Partial<Record<(typeof demoVariables)[number], string>>;

/**
 * What official clients and coding agents read: those of OpenAI an address with `/v1`, those of
 * Anthropic one without, as they add it themselves. Their key is the same virtual key; without one
 * only the addresses are set.
 */
export function clientVariables(openaiUrl: string, key: string | undefined): DemoEnvironment {
  const anthropicUrl = openaiUrl.replace(/\/v1$/, "");
  const addresses = { OPENAI_BASE_URL: openaiUrl, ANTHROPIC_BASE_URL: anthropicUrl };
  if (key === undefined) return addresses;
  return { ...addresses, OPENAI_API_KEY: key, ANTHROPIC_AUTH_TOKEN: key };
}

/** The file in a data folder. */
export function demoEnvFile(dataDir: string): string {
  return join(dataDir, "demo.env");
}

/**
 * Writes `KEY='value'` lines for `set -a; . demo.env; set +a`, readable by the owner only. The
 * file is written whole beside its place and renamed, so that nobody ever reads half of it.
 */
export function writeDemoEnv(dataDir: string, values: DemoEnvironment): string {
  const file = demoEnvFile(dataDir);
  const draft = `${file}.${process.pid}`;
  const lines = demoVariables.flatMap((name) => {
    const value = values[name];
    return value === undefined ? [] : [`${name}=${quote(value)}\n`];
  });
  try {
    writeFileSync(draft, lines.join(""), { mode: 0o600, flush: true });
    // The mode above holds only for a file that was not there.
    chmodSync(draft, 0o600);
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  return file;
}

/** Reads the file; empty when it is not there. Lines of another form are passed over. */
export function readDemoEnv(dataDir: string): DemoEnvironment {
  let text: string;
  try {
    text = readFileSync(demoEnvFile(dataDir), "utf8");
  } catch {
    return {};
  }
  const values: DemoEnvironment = {};
  for (const line of text.split("\n")) {
    const separator = line.indexOf("=");
    const name = demoVariables.find((known) => known === line.slice(0, separator));
    const value = unquote(line.slice(separator + 1));
    if (name !== undefined && value !== undefined) values[name] = value;
  }
  return values;
}

function quote(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`;
}

function unquote(text: string): string | undefined {
  if (text.length < 2 || !text.startsWith("'") || !text.endsWith("'")) return undefined;
  return text.slice(1, -1).replaceAll(`'\\''`, "'");
}
