import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { LaunchError } from "./launch-error.mjs";

/**
 * What the given parameters start, and which install it needs: `dev <task>` is a task of this
 * repository and needs the tools (`full`), everything else is the product (`prod`).
 */
export function chooseEntry(root, parameters) {
  if (parameters[0] !== "dev") {
    const file = join(root, "services", "penstock", "src", "main.ts");
    return { mode: "prod", file, parameters };
  }
  const folder = join(root, "test", "tasks", "src");
  const task = parameters[1] ?? "";
  const file = join(folder, `${task}.ts`);
  if (!/^[a-z][-a-z0-9]*$/.test(task) || !existsSync(file)) {
    const known = readdirSync(folder)
      .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
      .map((name) => name.slice(0, -".ts".length));
    const problem = task === "" ? "which task?" : `there is no task "${task}".`;
    throw new LaunchError(`${problem} Tasks: ${known.sort().join(", ")}.`, 2);
  }
  return { mode: "full", file, parameters: parameters.slice(2) };
}
