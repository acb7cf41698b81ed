import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readEnvironmentVariable } from "@penstock/runtime";

/** A small file system in memory. */
export interface SmallDisk {
  readonly folder: string;
  /** Takes all the room that is left. */
  fill(): void;
  /** Gives it back. */
  empty(): void;
  remove(): void;
}

const fillerName = "filler";

/** Mounts one over a folder of its own. Throws where this process may not. */
export function mountSmallDisk(sizeBytes: number): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), "penstock-disk-"));
  const words = ["-t", "tmpfs", "-o", `size=${sizeBytes}`, "tmpfs", folder];
  try {
    execFileSync("mount", words, { stdio: "ignore" });
  } catch (error) {
    rmdirSync(folder);
    throw error;
  }
  const filler = join(folder, fillerName);
  return {
    folder,
    fill: () => {
      try {
        writeFileSync(filler, new Uint8Array(sizeBytes));
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
      }
    },
    empty: () => rmSync(filler),
    // What still has files open there keeps nobody else from going on.
    remove: () => {
      execFileSync("umount", ["--lazy", folder], { stdio: "ignore" });
      rmdirSync(folder);
    },
  };
}

/** Whether this process may mount; where it may not, the end of the run says so. */
export function canMount(): boolean {
  try {
    mountSmallDisk(4_096).remove();
    return true;
  } catch {
    const file = readEnvironmentVariable("PENSTOCK_TEST_NOT_RUN_FILE");
    if (file !== undefined) appendFileSync(file, "mount: this process may not mount\n");
    return false;
  }
}
