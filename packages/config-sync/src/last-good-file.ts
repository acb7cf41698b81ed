import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { Message } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import type { ConfigEntry, ConfigHead } from "@penstock/api";
import { ConfigEntrySchema, ConfigHeadSchema } from "@penstock/api";
import { crc32 } from "@penstock/runtime";

import type { Configuration, Step } from "./candidate.ts";
import { compileStored } from "./candidate.ts";

// The file, all lengths as protobuf varints:
//   magic, length + ConfigHead, count, (length + ConfigEntry)… the forms in use instead of refused
//   ones, count, (length + ConfigEntry)… the live entries, CRC-32 of all before in 4 bytes.

/** reliability.md §2.8. */
const keptFiles = 5;
const magic = Buffer.from("PSTKCFG1");
const crcBytes = 4;
const fileForm = /^config-\d{20}-\d{20}\.bin$/;
const temporaryForm = /^config-.*\.tmp$/;

/** What loading found: the newest good file, and the names of those that were not. */
export interface LoadResult {
  readonly step: Step | undefined;
  /** Wall time at which the file was written; 0: there is none. */
  readonly writtenAtMs: number;
  readonly damaged: readonly string[];
}

// Entries stay the same objects from revision to revision; only new ones are encoded again.
const encodedEntries = new WeakMap<ConfigEntry, Uint8Array>();

/**
 * Writes a configuration so that a crash leaves either the whole file or none: temporary file,
 * fsync, rename, fsync of the folder. Keeps the newest five. Only the owner may read them.
 */
export async function saveLastGood(folder: string, configuration: Configuration): Promise<void> {
  // Before the first wait: the entries are those of this revision only until then.
  const bytes = encode(configuration);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const name = fileName(configuration.head.epoch, configuration.head.revision);
  const temporary = join(folder, `${name}.tmp`);
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, join(folder, name));
  const directory = await open(folder, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
  const names = await listFiles(folder, fileForm);
  for (const old of names.slice(keptFiles)) await rm(join(folder, old), { force: true });
}

/** Loads the newest good configuration for which `accepts` holds. Never throws. */
export async function loadLastGood(
  folder: string,
  accepts: (head: ConfigHead) => boolean,
): Promise<LoadResult> {
  const damaged: string[] = [];
  for (const left of await listFiles(folder, temporaryForm)) {
    await rm(join(folder, left), { force: true });
  }
  for (const name of await listFiles(folder, fileForm)) {
    const bytes = await readFile(join(folder, name)).catch(() => undefined);
    const step = bytes && decode(bytes);
    if (step === undefined) {
      damaged.push(name);
    } else if (accepts(step.head)) {
      const { mtimeMs: writtenAtMs } = await stat(join(folder, name)).catch(() => ({ mtimeMs: 0 }));
      return { step, writtenAtMs, damaged };
    }
  }
  return { step: undefined, writtenAtMs: 0, damaged };
}

function fileName(epoch: bigint, revision: bigint): string {
  return `config-${epoch.toString().padStart(20, "0")}-${revision.toString().padStart(20, "0")}.bin`;
}

/** Names that have a form, newest first. */
async function listFiles(folder: string, form: RegExp): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => form.test(name))
    .sort()
    .reverse();
}

function encode({ snapshot, head, entries }: Configuration): Uint8Array {
  const previous: ConfigEntry[] = [];
  for (const name of new Set(snapshot.problems.map((problem) => problem.name))) {
    const inUse = snapshot.resources.get(name);
    if (inUse === undefined || inUse.revision === entries.get(name)?.revision) continue;
    previous.push(create(ConfigEntrySchema, { name, ...inUse }));
  }
  const writer = new BinaryWriter();
  writer.raw(magic).bytes(toBinary(ConfigHeadSchema, head));
  for (const list of [previous, [...entries.values()]]) {
    writer.uint32(list.length);
    for (const entry of list) writer.bytes(encodeEntry(entry));
  }
  const body = writer.finish();
  const file = new Uint8Array(body.length + crcBytes);
  file.set(body);
  new DataView(file.buffer).setUint32(body.length, crc32(body));
  return file;
}

function encodeEntry(entry: ConfigEntry): Uint8Array {
  const known = encodedEntries.get(entry);
  if (known !== undefined) return known;
  const bytes = toBinary(ConfigEntrySchema, entry);
  encodedEntries.set(entry, bytes);
  return bytes;
}

/** Undefined for bytes that are not, to the last bit, what was written. */
function decode(file: Uint8Array): Step | undefined {
  const end = file.length - crcBytes;
  if (end < magic.length || !magic.equals(file.subarray(0, magic.length))) return undefined;
  const body = file.subarray(0, end);
  const stored = new DataView(file.buffer, file.byteOffset + end, crcBytes).getUint32(0);
  if (crc32(body) !== stored) return undefined;
  try {
    const reader = new BinaryReader(body.subarray(magic.length));
    const head = fromBinary(ConfigHeadSchema, reader.bytes());
    const previous = readList(reader, ConfigEntrySchema);
    const live = readList(reader, ConfigEntrySchema);
    return compileStored(head, previous, live);
  } catch {
    return undefined;
  }
}

function readList<Item extends Message>(reader: BinaryReader, schema: GenMessage<Item>): Item[] {
  const count = reader.uint32();
  return Array.from({ length: count }, () => fromBinary(schema, reader.bytes()) as Item);
}
