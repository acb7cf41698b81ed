import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { readEnvironmentVariable } from "@penstock/runtime";

const missing = "this process may not mount a file system";

/** A file system of its own, in memory, that a test fills up. */
export class SmallDisk {
  readonly folder: string = mkdtempSync(`${tmpdir()}/small-disk-`);
  readonly mounted: boolean;
  readonly #sizeBytes: number;

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
    const options = `size=${sizeBytes}`;
    try {
      const words = ["-t", "tmpfs", "-o", options, "tmpfs", this.folder];
      execFileSync("mount", words, { stdio: "ignore" });
      this.mounted = true;
    } catch {
      this.mounted = false;
    }
  }

  /** Takes all the room that there is. */
  fill(): void {
    try {
      writeFileSync(`${this.folder}/filler`, new Uint8Array(this.#sizeBytes));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOSPC") return;
      throw error;
    }
  }

  /** Gives it back. */
  empty(): void {
    rmSync(`${this.folder}/filler`);
  }

  remove(): void {
    if (this.mounted) execFileSync("umount", [this.folder], { stdio: "ignore" });
    rmdirSync(this.folder);
  }
}

/** Whether tests that need a disk of their own can run, as with the lanes of servers. */
export interface SmallDiskLane {
  readonly available: boolean;
  /** Why they have to fail: PENSTOCK_TEST_REQUIRE lists `mount`, but there is none. */
  readonly problem: string | undefined;
}

/**
 * The lane `mount`. Where this process may not mount, as in many containers, that is noted in the
 * file named by PENSTOCK_TEST_NOT_RUN_FILE. test/support, which has the lanes of servers, can't be
 * used here: it depends on this package.
 */
export function smallDiskLane(): SmallDiskLane {
  const probe = new SmallDisk(4_096);
  const available = probe.mounted;
  probe.remove();
  if (available) return { available, problem: undefined };
  const required = (readEnvironmentVariable("PENSTOCK_TEST_REQUIRE") ?? "").split(",");
  if (required.some((lane) => lane.trim() === "mount")) {
    return { available, problem: `PENSTOCK_TEST_REQUIRE lists mount, but ${missing}` };
  }
  const file = readEnvironmentVariable("PENSTOCK_TEST_NOT_RUN_FILE");
  if (file !== undefined) appendFileSync(file, `mount: ${missing}\n`);
  return { available, problem: undefined };
}
