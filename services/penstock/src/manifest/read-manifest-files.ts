import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ManifestText } from "./read-manifests.ts";

/** Endings of the files of a folder that are manifests. */
const endings = [".yaml", ".yml", ".json"];
/** Of one folder; what is more was hardly meant. */
const mostFiles = 1_000;

/**
 * Reads the files; `-` is what `readInput` gives, and a folder stands for the manifests right in
 * it, in the order of their names. What can't be read says why.
 */
export async function readManifestFiles(
  files: readonly string[],
  readInput: () => string | Promise<string>,
): Promise<ManifestText[]> {
  const texts: ManifestText[] = [];
  for (const file of files) {
    const read = file === "-" ? await readWhole(file, readInput) : readFileOrFolder(file);
    texts.push(...[read].flat());
  }
  return texts;
}

async function readWhole(
  file: string,
  readInput: () => string | Promise<string>,
): Promise<ManifestText> {
  try {
    return { file, text: await readInput() };
  } catch (thrown) {
    return unread(file, `can't be read: ${messageOf(thrown)}`);
  }
}

/** Reads one file; a folder is none. */
export function readManifestFile(file: string): ManifestText {
  try {
    return { file, text: readFileSync(file, "utf8") };
  } catch (thrown) {
    if (isFolder(thrown)) return unread(file, "is a folder; name one file");
    return unread(file, `can't be read: ${messageOf(thrown)}`);
  }
}

function readFileOrFolder(file: string): ManifestText | ManifestText[] {
  try {
    return { file, text: readFileSync(file, "utf8") };
  } catch (thrown) {
    return isFolder(thrown)
      ? readFolder(file)
      : unread(file, `can't be read: ${messageOf(thrown)}`);
  }
}

function readFolder(folder: string): ManifestText | ManifestText[] {
  let names: string[];
  try {
    names = readdirSync(folder).filter(isManifest).toSorted();
  } catch (thrown) {
    return unread(folder, `can't be read: ${messageOf(thrown)}`);
  }
  const said = endings.map((ending) => `*${ending}`).join(", ");
  if (names.length === 0) return unread(folder, `is a folder without manifests (${said})`);
  if (names.length > mostFiles) {
    return unread(
      folder,
      `has ${names.length} manifests, more than the ${mostFiles} of one folder`,
    );
  }
  return names.map((name) => readManifestFile(join(folder, name)));
}

/** What begins with a point belongs to an editor or to the system. */
function isManifest(name: string): boolean {
  return !name.startsWith(".") && endings.some((ending) => name.endsWith(ending));
}

function isFolder(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === "EISDIR";
}

function unread(file: string, why: string): ManifestText {
  return { file, text: "", unread: why };
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : "unknown";
}
