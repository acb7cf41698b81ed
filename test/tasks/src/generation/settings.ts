import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { declaredSettings } from "@penstock/penstock";
import type { SettingGroup } from "@penstock/penstock";
import { settingsTable } from "./settings-table.ts";

/** What is generated from the declarations of settings: texts by path from the root. */
export async function settingFiles(): Promise<ReadonlyMap<string, string>> {
  const groups = await declaredSettings();
  return new Map([
    ["services/penstock/src/setting-names.ts", namesOf(groups)],
    ["deploy/SETTINGS.md", settingsTable(groups)],
  ]);
}

/** Writes them. */
export async function writeSettingFiles(root: string): Promise<void> {
  for (const [path, text] of await settingFiles()) writeFileSync(join(root, path), text);
}

/** One line per file that is missing or different; empty when all are up to date. */
export async function compareSettingFiles(root: string): Promise<string[]> {
  return [...(await settingFiles())].flatMap(([path, text]) => {
    const actual = readIfThere(join(root, path));
    if (actual === undefined) return [`${path} is missing`];
    return actual === text ? [] : [`${path} differs from the settings that the code declares`];
  });
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function namesOf(groups: readonly SettingGroup[]): string {
  const names = groups.flatMap(({ settings }) => settings.map(({ name }) => name)).toSorted();
  return [
    "// Generated from the declarations of settings by `npm run generate`; do not edit.",
    "",
    "/** The names of all settings of all roles, so that a start need not read every role's code. */",
    "export const settingNames: readonly string[] = [",
    ...names.map((name) => `  "${name}",`),
    "];",
    "",
  ].join("\n");
}
