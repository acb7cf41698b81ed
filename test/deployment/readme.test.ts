import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readComposeFile } from "./src/compose-file.ts";
import { findKnownVariables } from "./src/known-variables.ts";
import { readShellCommands } from "./src/shell-commands.ts";

const root = join(import.meta.dirname, "../..");
const deploy = join(root, "deploy");
const readme = readFileSync(join(deploy, "README.md"), "utf8");
const commands = readShellCommands(readme);
const compose = readComposeFile(readFileSync(join(deploy, "compose/compose.yaml"), "utf8"), {
  PENSTOCK_UID: "1",
  PENSTOCK_GID: "1",
});
const known = findKnownVariables(root);
/** Read by programs that are not Penstock: Node, and the script itself. */
const ofOthers = new Set(["NODE_EXTRA_CA_CERTS", "JAEGER_URL"]);

function helpOf(command: string): string {
  const main = join(root, "services/penstock/src/main.ts");
  return execFileSync(process.execPath, [main, command, "--help"], { encoding: "utf8" });
}

function checkPenstock([command = "", ...parameters]: readonly string[]): void {
  const help = helpOf(command);
  for (const flag of parameters.filter((one) => one.startsWith("-"))) {
    expect(help, `${command} ${flag}`).toMatch(new RegExp(String.raw`(?:^|[\s,])${flag}(?=[\s,])`));
  }
}

function checkCompose(words: readonly string[]): void {
  expect(words.slice(0, 2)).toEqual(["-f", "deploy/compose/compose.yaml"]);
  const names = words.slice(2).filter((word) => !word.startsWith("-"));
  const actions = new Set(["up", "down", "logs", "build", "run", "demo"]);
  for (const name of names.filter((one) => !actions.has(one))) {
    expect(Object.keys(compose.services)).toContain(name);
  }
  if (words.includes("--profile")) {
    const profiles = Object.values(compose.services).flatMap((service) => service.profiles ?? []);
    expect(profiles).toContain(words[words.indexOf("--profile") + 1]);
  }
}

describe("deploy/README.md", () => {
  it("has commands that exist, with flags that they know", () => {
    expect(commands.length).toBeGreaterThan(10);
    for (const { words } of commands) {
      const [program = "", ...parameters] = words;
      if (program === "docker") {
        expect(parameters[0]).toBe("compose");
        checkCompose(parameters.slice(1));
      } else if (program === "npm") {
        expect(parameters.slice(0, 4)).toEqual(["run", "-s", "penstock", "--"]);
        checkPenstock(parameters.slice(4));
      } else if (program === "node") {
        expect(existsSync(join(root, parameters[0] ?? "")), parameters[0]).toBe(true);
      } else if (program.startsWith("deploy/")) {
        accessSync(join(root, program), constants.X_OK);
      } else {
        expect(["set", ".", undefined]).toContain(words[0]);
      }
    }
  });

  it("sets variables that somebody reads, to files that somebody makes", () => {
    const made = readFileSync(join(deploy, "compose/prepare.sh"), "utf8");
    for (const { variables } of commands) {
      for (const [name, value] of Object.entries(variables)) {
        if (!ofOthers.has(name)) expect([...known], name).toContain(name.replace(/_FILE$/, ""));
        const file = /^deploy\/compose\/secrets\/(.+)$/.exec(value)?.[1];
        if (file !== undefined) expect(made).toContain(file);
      }
    }
    for (const name of new Set(readme.match(/\bPENSTOCK_[A-Z_]+[A-Z]\b/g))) {
      expect([...known], name).toContain(name.replace(/_FILE$/, ""));
    }
  });

  it("names tests, files and npm scripts that are there", () => {
    const tests = new Set(
      ["packages", "services", "test"].flatMap((folder) => testsBelow(join(root, folder))),
    );
    const table = readme.split("## What a failure costs")[1]?.split("\n## ")[0] ?? "";
    const rows = table.split("\n").filter((line) => /^\| (?!dead|---)/.test(line));
    expect(rows.length).toBeGreaterThan(9);
    for (const row of rows) {
      const cell = row.split("|").at(-2) ?? "";
      for (const [, name] of cell.matchAll(/`([\w-]+)`/g)) expect([...tests]).toContain(name);
    }
    for (const [, path = ""] of readme.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
      expect(existsSync(join(deploy, path)), path).toBe(true);
    }
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    for (const [, script = ""] of readme.matchAll(/npm run (?:-s )?([\w:]+)/g)) {
      expect(Object.keys(scripts)).toContain(script);
    }
  });

  it("has the ports that compose.yaml publishes, and names claims that are measured", () => {
    const section = readme.split("## Ports")[1]?.split("\n## ")[0] ?? "";
    const published = Object.values(compose.services).flatMap((service) => service.ports ?? []);
    for (const port of published) expect(section).toContain(port.split(":")[1]);
    const sizes = readme.split("## Sizes")[1]?.split("\n## ")[0] ?? "";
    const claims = readFileSync(join(root, "CLAIMS.md"), "utf8");
    const rows = sizes.split("\n").filter((line) => line.includes("measured:"));
    const ids = rows.flatMap((row) => [...row.matchAll(/`([a-z0-9-]+)`/g)].map(([, id]) => id));
    expect(ids.length).toBeGreaterThan(2);
    for (const id of ids) expect(claims).toContain(`| ${id} |`);
  });
});

function testsBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !["node_modules", ".types", "dist"].includes(name))
    .flatMap((entry) => {
      if (entry.isDirectory()) return testsBelow(join(folder, entry.name));
      return entry.name.endsWith(".test.ts") ? [entry.name.replace(/\.test\.ts$/, "")] : [];
    });
}
