import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { findProgram } from "./find-program.ts";
import { isLeftOut } from "./left-out.ts";

const requirements = join(import.meta.dirname, "python-requirements.txt");
const cache = join(import.meta.dirname, "../../../../node_modules/.cache");
/** Ten times what it takes with a network that is there. */
const installTimeoutMs = 150_000;

/**
 * Python with the packages of `python-requirements.txt` in an environment of its own, which is made
 * when it is asked for first (about 15 s) and kept; undefined where that is not possible.
 */
export function findPython(): string | undefined {
  const python = isLeftOut("python") ? undefined : findProgram("python3", []);
  if (python === undefined) return undefined;
  const digest = createHash("sha256").update(readFileSync(requirements)).update(python);
  const folder = join(cache, `penstock-python-${digest.digest("hex").slice(0, 12)}`);
  if (!existsSync(folder) && !makeEnvironment(python, folder)) return undefined;
  return join(folder, "bin/python");
}

/** Several processes may make one at the same time: the first to be done is kept. */
function makeEnvironment(python: string, folder: string): boolean {
  const own = `${folder}.${process.pid}`;
  mkdirSync(cache, { recursive: true });
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"];
  const made =
    succeeds(python, ["-m", "venv", own]) &&
    succeeds(join(own, "bin/python"), [...pip, "--only-binary", ":all:", "-r", requirements]);
  try {
    if (made && !existsSync(folder)) renameSync(own, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
  return made;
}

function succeeds(program: string, args: readonly string[]): boolean {
  const { status } = spawnSync(program, args, { stdio: "ignore", timeout: installTimeoutMs });
  return status === 0;
}
