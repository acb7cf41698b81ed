import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runProgram } from "./program.ts";

const readme = readFileSync(join(import.meta.dirname, "../../../../README.md"), "utf8");
const section = readme.split("\n## Commands\n")[1]?.split("\n## ")[0] ?? "";
const rows = [...section.matchAll(/^\| `([a-z -]+)`.*\| (yes|–) \|$/gm)];
const listed = rows.map(([, words = ""]) => words.split(" ")[0] ?? "");

async function helpOf(...parameters: readonly string[]): Promise<string> {
  let out = "";
  const io = { out: (text: string) => void (out += text), talk: () => undefined };
  expect(await runProgram([...parameters, "--help"], { ...io, readInput: () => "" })).toBe(0);
  return out;
}

describe("the commands of the README", () => {
  it("are all that there are", async () => {
    const commands = (await helpOf()).split("\nCommands:\n")[1]?.split("\n\n")[0] ?? "";
    const known = [...commands.matchAll(/^ {2}([a-z]+)\b/gm)].map(([, name]) => name);
    expect(known.length).toBeGreaterThan(15);
    expect(new Set(listed)).toEqual(new Set(known.filter((name) => name !== "help")));
    expect(listed).toHaveLength(new Set(listed).size);
  });

  it.each(rows.map(([, words = "", json]) => [words, json]))(
    "%s has help with examples, and JSON where the table says so",
    async (words = "", json) => {
      const help = await helpOf(...words.split(" "));
      expect(help).toContain("penstock ");
      if (json === "yes") expect(help).toContain("-o, --output <format>");
      else expect(help).not.toContain("--output <format>");
    },
  );
});
