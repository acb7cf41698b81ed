import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { findProgram } from "./find-program.ts";
import { isLeftOut } from "./left-out.ts";

const example = join(import.meta.dirname, "../../../../deploy/examples/go");

/** `go`, where it can have the modules of the example; undefined where it is not or can't. */
export function findGo(): string | undefined {
  const program = isLeftOut("go") ? undefined : findProgram("go");
  if (program === undefined) return undefined;
  const options = { cwd: example, stdio: "ignore", timeout: 60_000 } as const;
  return spawnSync(program, ["mod", "download"], options).status === 0 ? program : undefined;
}
