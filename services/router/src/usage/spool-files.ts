import * as fs from "node:fs";

/** What the spool asks of the file system; tests put faults in between. */
export interface SpoolFiles {
  openSync(path: string, flags: string): number;
  writeSync(
    fd: number,
    bytes: Uint8Array,
    ...[offset, length, position]: [offset: number, length: number, position: number]
  ): number;
  ftruncateSync(fd: number, bytes: number): void;
  fdatasync(fd: number, done: (error: Error | null) => void): void;
  fsyncSync(fd: number): void;
  closeSync(fd: number): void;
  unlinkSync(path: string): void;
  renameSync(from: string, to: string): void;
}

/** The file system of the machine. */
export const systemFiles: SpoolFiles = fs;
