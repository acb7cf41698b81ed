import type { SpoolFiles } from "./spool-files.ts";

/** One file of a spool. */
export interface SpoolSegment {
  readonly path: string;
  readonly epoch: bigint;
  readonly index: number;
  /** Number that the first final written to it can have had. */
  readonly firstSequence: bigint;
  /** Highest number of a final in it; 0n: there is none. */
  lastSequence: bigint;
  bytes: number;
  /** Requests that began in it and are not over. */
  openIntents: number;
  /** Undefined: nothing is written to it any more. */
  fd: number | undefined;
  /** The segment whose unsynced records were written again into this one: it stays as long. */
  repeats?: SpoolSegment;
}

/** Index of the file that takes finals when the disk is full. */
export const emergencyIndex = 999_999;

const namePattern = /^e(\d{15})-(\d{6})-(\d{20})\.seg$/;

/** The name tells what must be known of a file even if its content is damaged. */
export function segmentName(epoch: bigint, index: number, firstSequence: bigint): string {
  const parts = [`e${pad(epoch, 15)}`, pad(index, 6), pad(firstSequence, 20)];
  return `${parts.join("-")}.seg`;
}

function pad(value: bigint | number, digits: number): string {
  return String(value).padStart(digits, "0");
}

/** A segment as its name describes it; undefined: the file is none. */
export function parseSegmentName(folder: string, name: string): SpoolSegment | undefined {
  const match = namePattern.exec(name);
  if (match === null) return undefined;
  const [, epoch = "", index = "", firstSequence = ""] = match;
  return {
    path: `${folder}/${name}`,
    epoch: BigInt(epoch),
    index: Number(index),
    firstSequence: BigInt(firstSequence),
    lastSequence: 0n,
    bytes: 0,
    openIntents: 0,
    fd: undefined,
  };
}

/** Makes a new file and opens it for writing. */
export function createSegment(
  files: SpoolFiles,
  folder: string,
  position: Pick<SpoolSegment, "epoch" | "index" | "firstSequence">,
): SpoolSegment {
  const { epoch, index, firstSequence } = position;
  const path = `${folder}/${segmentName(epoch, index, firstSequence)}`;
  const fd = files.openSync(path, "w");
  const empty = { lastSequence: 0n, bytes: 0, openIntents: 0 };
  return { path, epoch, index, firstSequence, ...empty, fd };
}

/** Writes all of `bytes` at the end; on an error the file is as long as before and it throws. */
export function appendToSegment(files: SpoolFiles, segment: SpoolSegment, bytes: Buffer): void {
  const { fd } = segment;
  if (fd === undefined) throw new Error("the segment is sealed");
  let written = 0;
  try {
    while (written < bytes.length) {
      const count = files.writeSync(
        fd,
        bytes,
        written,
        bytes.length - written,
        segment.bytes + written,
      );
      if (count === 0) throw Object.assign(new Error("nothing was written"), { code: "ENOSPC" });
      written += count;
    }
  } catch (error) {
    if (written > 0) cut(files, fd, segment.bytes);
    throw error;
  }
  segment.bytes += bytes.length;
}

/** A tail that can't be cut is found at recovery: it fails its CRC, or its request is repeated. */
function cut(files: SpoolFiles, fd: number, bytes: number): void {
  try {
    files.ftruncateSync(fd, bytes);
  } catch {
    // The write error is what the caller has to hear of.
  }
}
