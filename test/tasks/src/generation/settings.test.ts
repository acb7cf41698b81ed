import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { declaredSettings } from "@penstock/penstock";
import { expect, it } from "vitest";
import { root } from "../commands/workspace.ts";
import { compareSettingFiles } from "./settings.ts";

const settings = (await declaredSettings()).flatMap((group) => group.settings);

it("has what it shall have in the files that are generated", async () => {
  expect(await compareSettingFiles(root)).toEqual([]);
});

it("shows the unit, the range and the default of each setting", () => {
  const page = readFileSync(join(root, "deploy", "SETTINGS.md"), "utf8");
  for (const row of [
    "| `PENSTOCK_USAGE_RETENTION_DAYS` | telemetry | `400` | days, 1 to 36500 | How long usage records are kept. |",
    "| `PENSTOCK_LOG_FORMAT` | all | `json` | `json`, `pretty` | ",
    "| `PENSTOCK_POLICY_HOUSEKEEPING_INTERVAL` | policy | `1m` | duration, 1s to 1h | ",
    "| `PENSTOCK_LEDGER_RETENTION_DAYS` | quota | `400` | days, 32 to 36500 | ",
    "| `PENSTOCK_ROUTER_WORKERS` | router | one for each core; 1 beside other roles | processes, ",
  ]) {
    expect(page).toContain(row);
  }
  for (const { name } of settings) expect(page).toContain(`\n| \`${name}\` | `);
});

it("has every variable that some code declares, once", () => {
  const names = settings.map(({ name }) => name);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  const declared = sourcesOf("packages")
    .concat(sourcesOf("services"))
    .flatMap((path) => [
      ...readFileSync(path, "utf8").matchAll(/\bname: "((?:PENSTOCK|OTEL)_[A-Z_]+)"/g),
    ])
    .map(([, name = ""]) => name);
  expect(declared.toSorted()).toEqual(
    names.filter((name) => /^(?:PENSTOCK|OTEL)_/.test(name)).toSorted(),
  );
});

it("says of every setting what it means, who reads it and what it counts", () => {
  for (const setting of settings) {
    expect(setting.meaning, setting.name).toMatch(/^.{12,}\.$/);
    expect(setting.roles.length, setting.name).toBeGreaterThan(0);
    if (setting.kind === "integer") expect(setting.unit, setting.name).toMatch(/^[a-z]+$/);
  }
});

function sourcesOf(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter(({ name }) => !["node_modules", ".types", "dist", "gen"].includes(name))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return sourcesOf(path);
      return path.endsWith(".ts") && !path.endsWith(".test.ts") ? [join(root, path)] : [];
    });
}
