import { readFileSync, statSync } from "node:fs";

/** What stands behind the name of a variable that names a file with its value. */
export const fileSuffix = "_FILE";

/** A value is a token, a password or a URL. */
const maxBytes = 65_536;

/**
 * The value in the file that `<NAME>_FILE` names, without the line break at its end; or what is
 * wrong with the file. Secrets that are mounted as files so stay out of the environment, which
 * crash reports and `docker inspect` show.
 */
export function readVariableFile(
  path: string,
): { readonly text: string } | { readonly problem: string } {
  try {
    if (statSync(path).size > maxBytes) return { problem: `names ${path}, which is too large` };
    const text = readFileSync(path, "utf8").replace(/\r?\n$/, "");
    return text === "" ? { problem: `names ${path}, which is empty` } : { text };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
    return { problem: `names ${path}, which can't be read${code}` };
  }
}
