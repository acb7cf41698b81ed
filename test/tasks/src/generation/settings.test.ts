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
