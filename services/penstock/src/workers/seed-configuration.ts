import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";

/**
 * Folder of the last good configurations of a worker. Each has its own: a crash guard that counts
 * the deaths of one process must not take those of another for them.
 */
export function configurationFolder(dataDir: string, index: number): string {
  return join(dataDir, index === 0 ? "configuration" : `configuration-${index}`);
}

/** Gives workers that are new what the first one has, so that they start without a control plane. */
export function seedConfiguration(dataDir: string, workers: number): void {
  const first = configurationFolder(dataDir, 0);
  if (!existsSync(first)) return;
  for (let index = 1; index < workers; index += 1) {
    const folder = configurationFolder(dataDir, index);
    if (existsSync(folder)) continue;
    cpSync(first, folder, { recursive: true, preserveTimestamps: true });
  }
}
