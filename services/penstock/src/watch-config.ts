import type { FSWatcher } from "node:fs";
import { watch } from "node:fs";
import { basename, dirname, resolve } from "node:path";

// Editors write in several steps; what counts is how the file stands when they are done.
const settleMs = 150;

/**
 * Calls `onChange` after the file was written or replaced. The folder is watched, because most
 * editors replace the file. Runs never overlap; a change during a run leads to one more.
 */
export function watchConfig(file: string, onChange: () => Promise<void>): FSWatcher {
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
    if (name !== basename(path)) return;
    clearTimeout(timer);
    timer = setTimeout(() => void run(), settleMs);
  });
  watcher.once("close", () => clearTimeout(timer));
  return watcher;
}
