import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { PGlite } from "@electric-sql/pglite";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import type { PgliteWorkerData, PgliteWorkerMessage } from "./pglite-protocol.ts";

// The life of this thread: open (or create) the database, listen on the Unix socket, say
// "ready", serve until "close", then stop listening, shut the database down and end.

/** More than the services of one process ever open; each has a pool of one. */
const maxConnections = 64;

const data = workerData as PgliteWorkerData;

function send(message: PgliteWorkerMessage): void {
  parentPort?.postMessage(message);
}

/**
 * Opens the database of a folder. Creating it takes seconds and may be killed half-way, so a
 * marker beside the folder says that it was completed; a folder without one is begun anew (it
 * never served anybody).
 */
async function openFolder(folder: string): Promise<PGlite> {
  const marker = `${folder}.complete`;
  const wasComplete = existsSync(marker);
  if (!wasComplete) rmSync(folder, { recursive: true, force: true });
  // A new one would be another installation, of which routers take nothing (config-sync).
  if (wasComplete && isEmpty(folder)) throw new Error(databaseGone(folder));
  const database = await PGlite.create({ dataDir: folder, relaxedDurability: false });
  if (!wasComplete) writeFileSync(marker, "", { flush: true });
  return database;
}

function isEmpty(folder: string): boolean {
  const known = statSync(folder, { throwIfNoEntry: false });
  return known === undefined || (known.isDirectory() && readdirSync(folder).length === 0);
}

function databaseGone(folder: string): string {
  return (
    `${folder} held a database and is gone or empty. Bring it back from a backup; or, to begin ` +
    "anew, move the whole data folder away"
  );
}

/** Opens a database in memory, from a copy of an empty one that only the first caller creates. */
async function openCopy(templateFile: string): Promise<PGlite> {
  if (!existsSync(templateFile)) {
    const original = await PGlite.create();
    const dump = await original.dumpDataDir("none");
    await original.close();
    const unfinished = `${templateFile}.${process.pid}`;
    writeFileSync(unfinished, new Uint8Array(await dump.arrayBuffer()));
    renameSync(unfinished, templateFile);
  }
  return await PGlite.create({ loadDataDir: new Blob([readFileSync(templateFile)]) });
}

async function serve(): Promise<void> {
  const { storage } = data;
  const database =
    storage.kind === "folder"
      ? await openFolder(storage.path)
      : await openCopy(storage.templateFile);
  const server = new PGLiteSocketServer({ db: database, path: data.socketPath, maxConnections });
  await server.start();
  parentPort?.once("message", () => {
    void close(server, database);
  });
  send({ kind: "ready" });
}

async function close(server: PGLiteSocketServer, database: PGlite): Promise<void> {
  try {
    await server.stop();
    await database.close();
    send({ kind: "closed" });
  } catch (cause) {
    send({ kind: "failed", message: describe(cause) });
  }
  parentPort?.close();
}

/** Numbers of the file system inside PGlite, which throws them as objects without a text. */
const fileErrors: Readonly<Record<number, string>> = {
  2: "the user of this process may not write its folder (EACCES)",
  20: "something else is where its folder should be (EEXIST)",
  29: "the disk failed (EIO)",
  51: "no space is left on the disk of its folder (ENOSPC)",
  54: "something else is where its folder should be (ENOTDIR)",
  63: "the user of this process may not write its folder (EPERM)",
  69: "its folder can't be written (EROFS)",
};

/** How the WebAssembly of PGlite says that PostgreSQL gave up. */
const abortWords = "Aborted(";

function filesDamaged(): string {
  const where = data.storage.kind === "folder" ? data.storage.path : data.storage.templateFile;
  return (
    `PostgreSQL gave up on the files of ${where}: they are damaged or incomplete. Bring the folder ` +
    "back from a backup; or, to begin anew, move the whole data folder away"
  );
}

function describe(cause: unknown): string {
  if (cause instanceof Error && cause.message.startsWith(abortWords)) return filesDamaged();
  if (cause instanceof Error) return cause.message;
  if (typeof cause !== "object" || cause === null || !("errno" in cause)) return String(cause);
  return fileErrors[Number(cause.errno)] ?? `error ${Number(cause.errno)} of its files`;
}

try {
  await serve();
} catch (cause) {
  send({ kind: "failed", message: describe(cause) });
  parentPort?.close();
}
