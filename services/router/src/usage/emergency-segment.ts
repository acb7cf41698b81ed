import { existsSync, rmSync, statSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { reservePath } from "./reserved-room.ts";
import { RecordBatch } from "./spool-record.ts";
import type { SpoolRecord } from "./spool-record.ts";
import type { SpoolFiles } from "./spool-files.ts";
import { appendToSegment, emergencyIndex, segmentName } from "./spool-segment.ts";
import type { SpoolSegment } from "./spool-segment.ts";

/**
 * Room on the disk that is taken beforehand: when the disk is full, the ends of running requests
 * are written over it. Used, it becomes a segment of its epoch, so that recovery reads it.
 */
export class EmergencySegment {
  readonly #files: SpoolFiles;
  readonly #folder: string;
  readonly #epoch: bigint;
  readonly #bytes: number;
  readonly #batch = new RecordBatch();
  #segment: SpoolSegment | undefined;
  #wasReserved = false;
  /** What is in it, to be written where it belongs once there is room. */
  #records: SpoolRecord[] = [];

  constructor(files: SpoolFiles, folder: string, epoch: bigint, bytes: number) {
    this.#files = files;
    this.#folder = folder;
    this.#epoch = epoch;
    this.#bytes = bytes;
  }

  get records(): readonly SpoolRecord[] {
    return this.#records;
  }

  /** Takes the room on the disk, unless it is taken already; throws when there is none. */
  reserve(): void {
    if (this.#segment !== undefined) return;
    const path = reservePath(this.#folder);
    try {
      const isThere = existsSync(path) && statSync(path).size === this.#bytes;
      if (!isThere) writeFileSync(path, new Uint8Array(this.#bytes));
    } catch (error) {
      // While nothing runs, a part of it is worth less than some room for all else that writes.
      if (!this.#wasReserved) rmSync(path, { force: true });
      throw error;
    }
    this.#wasReserved = true;
  }

  /**
   * Writes a final; throws when the room is used up as well. `synced`: it is on the disk then.
   */
  write(record: SpoolRecord, synced: boolean): void {
    this.#segment ??= this.#open();
    this.#batch.add(record);
    const bytes = this.#batch.take();
    if (this.#segment.bytes + bytes.length > this.#bytes) {
      throw Object.assign(new Error("the emergency segment is full"), { code: "ENOSPC" });
    }
    appendToSegment(this.#files, this.#segment, bytes);
    if (synced && this.#segment.fd !== undefined) this.#files.fsyncSync(this.#segment.fd);
    this.#records.push(record);
  }

  /** Its records are written elsewhere: the room is taken anew. Never rejects. */
  async release(): Promise<void> {
    const segment = this.#segment;
    this.#segment = undefined;
    this.#records = [];
    if (segment === undefined) return;
    if (segment.fd !== undefined) this.#files.closeSync(segment.fd);
    try {
      this.#files.unlinkSync(segment.path);
      await writeFile(reservePath(this.#folder), new Uint8Array(this.#bytes));
    } catch {
      // Without room there is none to take; the next start tries again.
    }
  }

  close(): void {
    if (this.#segment?.fd !== undefined) this.#files.closeSync(this.#segment.fd);
  }

  #open(): SpoolSegment {
    const path = `${this.#folder}/${segmentName(this.#epoch, emergencyIndex, 0n)}`;
    this.#files.renameSync(reservePath(this.#folder), path);
    const position = { epoch: this.#epoch, index: emergencyIndex, firstSequence: 0n };
    const fd = this.#files.openSync(path, "r+");
    return { path, ...position, lastSequence: 0n, bytes: 0, openIntents: 0, fd };
  }
}
