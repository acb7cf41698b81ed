import type { FSWatcher } from "node:fs";
import { watch } from "node:fs";
import { basename, dirname, resolve } from "node:path";

// Editors write in several steps; what counts is how the file stands when they are done.
const settleMs = 150;

/** A mounted ConfigMap of Kubernetes is replaced as a whole, by this link beside its files. */
const mountedLink = "..data";

/**
 * Calls `onChange` after the file was written or replaced. The folder is watched, because most
 * editors replace the file. Runs never overlap; a change during a run leads to one more. A watch
 * that ends by itself is told to `onProblem`.
 *
 * @throws Error when the folder can't be watched, such as by a system that watches too many.
 */
export function watchConfig(
  file: string,
  onChange: () => Promise<void>,
  onProblem: (problem: Error) => void,
): FSWatcher {
  const path = resolve(file);
  let timer: NodeJS.Timeout | undefined;
  let running = false;
  let again = false;
  const run = async (): Promise<void> => {
    if (running) {
      again = true;
      return;
    }
    running = true;
    do {
      again = false;
      await onChange();
    } while (again);
    running = false;
  };
  const watcher = watch(dirname(path), (_event, name) => {
    if (name !== basename(path) && name !== mountedLink) return;
    clearTimeout(timer);
    timer = setTimeout(() => void run(), settleMs);
  });
  watcher.on("error", onProblem);
  watcher.once("close", () => clearTimeout(timer));
  return watcher;
}
