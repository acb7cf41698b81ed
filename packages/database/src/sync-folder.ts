import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** Has the disk keep every file of a folder that changed since a moment; gives how many. */
export async function syncFolder(folder: string, sinceMs: number): Promise<number> {
  let count = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && (await changedSince(path, sinceMs)) && (await sync(path))) count += 1;
  }
  return count;
}

async function changedSince(path: string, sinceMs: number): Promise<boolean> {
  return await stat(path).then(
    ({ mtimeMs }) => mtimeMs >= sinceMs,
    () => false,
  );
}

/** False for a file that is gone: the database deletes some while this goes on. */
async function sync(path: string): Promise<boolean> {
  const file = await open(path, "r").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  });
  if (file === undefined) return false;
  try {
    await file.sync();
    return true;
  } finally {
    await file.close();
  }
}
