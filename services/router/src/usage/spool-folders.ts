import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { isDiskFull, withReservedRoom } from "./reserved-room.ts";

/** Whose spool it is. */
export interface SpoolOwner {
  readonly replica: string;
  /** Index of the worker, from "0". */
  readonly worker: string;
}

/** A spool that no worker of this life writes. */
export interface AbandonedSpool extends SpoolOwner {
  readonly folder: string;
}

const ownerForm = /^([A-Za-z0-9_-]{1,128})\/(\d{1,4})$/;

/**
 * The folder `<dataDir>/spool/<worker>`, made when it is not there, with the name of its owner in
 * it. What another replica has left there is moved aside, to be adopted: its events go on under the
 * name by which consumers count them.
 */
export function ownSpoolFolder(dataDir: string, owner: SpoolOwner): string {
  const folder = join(dataDir, "spool", owner.worker);
  const known = readOwner(folder);
  if (known !== undefined && known.replica !== owner.replica) {
    let number = 1;
    while (existsSync(`${folder}.${number}`)) number += 1;
    renameSync(folder, `${folder}.${number}`);
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (known?.replica !== owner.replica || known.worker !== owner.worker) writeName(folder, owner);
  return folder;
}

function writeName(folder: string, { replica, worker }: SpoolOwner): void {
  const path = join(folder, "name");
  try {
    withReservedRoom(folder, () => writeFileSync(path, `${replica}/${worker}\n`, { mode: 0o600 }));
  } catch (error) {
    if (!isDiskFull(error)) throw error;
    // Until a start finds room, the folder counts as that of the replica which is there.
    rmSync(path, { force: true });
  }
}

/** Spools below `dataDir` of workers beyond the first `workers`, or of former replicas. */
export function abandonedSpools(
  dataDir: string,
  present: { readonly replica: string; readonly workers: number },
): AbandonedSpool[] {
  return folders(join(dataDir, "spool")).flatMap((name) => {
    const [, index, moved] = /^(\d{1,4})(\.\d+)?$/.exec(name) ?? [];
    if (index === undefined) return [];
    if (moved === undefined && Number(index) < present.workers) return [];
    const folder = join(dataDir, "spool", name);
    const owner = readOwner(folder) ?? { replica: present.replica, worker: index };
    return [{ folder, ...owner }];
  });
}

/** Whether what a former name has left is still where a worker of this life will move it aside. */
export function awaitsMove(
  dataDir: string,
  present: { readonly replica: string; readonly workers: number },
): boolean {
  return Array.from({ length: present.workers }, (_, index) => index).some((index) => {
    const owner = readOwner(join(dataDir, "spool", String(index)));
    return owner !== undefined && owner.replica !== present.replica;
  });
}

function readOwner(folder: string): SpoolOwner | undefined {
  try {
    const text = readFileSync(join(folder, "name"), "utf8").trim();
    const [, replica, worker] = ownerForm.exec(text) ?? [];
    return replica === undefined || worker === undefined ? undefined : { replica, worker };
  } catch {
    return undefined;
  }
}

function folders(parent: string): string[] {
  try {
    const entries = readdirSync(parent, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch {
    return [];
  }
}
