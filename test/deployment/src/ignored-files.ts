/** Whether a path of the context, with forward slashes, is kept from the builder. */
export type IsIgnored = (path: string) => boolean;

interface Pattern {
  readonly keeps: boolean;
  readonly form: RegExp;
}

/**
 * Reads a .dockerignore: one pattern a line, `!` takes back, the last one that fits wins. A
 * pattern fits a folder with all that is in it.
 */
export function readIgnoreFile(text: string): IsIgnored {
  const patterns = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map(readPattern);
  return (path) => {
    const last = patterns.findLast(({ form }) => form.test(path));
    return last !== undefined && !last.keeps;
  };
}

function readPattern(line: string): Pattern {
  const keeps = line.startsWith("!");
  const body = (keeps ? line.slice(1) : line)
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll("**/", "\u0000")
    .replaceAll("*", "[^/]*")
    .replaceAll("?", "[^/]")
    .replaceAll("\u0000", "(?:.*/)?");
  return { keeps, form: new RegExp(`^${body}(?:/|$)`) };
}
