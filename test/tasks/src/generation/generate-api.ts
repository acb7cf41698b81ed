import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";
import { runCommand } from "../commands/run-command.ts";
import { root, toolPath } from "../commands/workspace.ts";
import { writeApiIndex, type GeneratedFile } from "./api-index.ts";

const generateTimeoutMs = 120_000;

/**
 * Generates packages/api below `target` (the root of the repository, or a temporary folder to
 * compare with). Throws an Error with buf's own words when a contract does not compile.
 */
export async function generateApi(target: string): Promise<void> {
  // The paths in buf.gen.yaml start at proto/, so the base of the output is a proto/ as well.
  const base = join(target, "proto");
  mkdirSync(base, { recursive: true });
  const result = await runCommand(toolPath("buf"), ["generate", "--output", base], {
    folder: join(root, "proto"),
    timeoutMs: generateTimeoutMs,
  });
  if (result.exitCode !== 0) throw new Error(`buf generate failed:\n${result.output}`);
  const files = readGenerated(target).filter((file) => file.path.endsWith("_pb.ts"));
  writeFileSync(join(apiFolder(target), "index.ts"), writeApiIndex(files));
}

/** Everything generated below `target`, the index included; paths relative to packages/api. */
export function readGenerated(target: string): GeneratedFile[] {
  const folder = apiFolder(target);
  const paths = readdirSync(join(folder, "src", "gen"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  return [...paths, "index.ts"]
    .map((path) => ({
      path: path.split(sep).join("/"),
      text: readIfThere(join(folder, path)),
    }))
    .toSorted((left, right) => (left.path < right.path ? -1 : 1));
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function apiFolder(target: string): string {
  return join(target, "packages", "api");
}
