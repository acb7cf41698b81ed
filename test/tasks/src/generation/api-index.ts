/** One generated file: its path relative to packages/api, with forward slashes, and its text. */
export interface GeneratedFile {
  readonly path: string;
  readonly text: string;
}

/**
 * The text of packages/api/index.ts: every name of every generated file, grouped by file, sorted.
 * Throws an Error naming both files when a name occurs in two of them, since a caller could then
 * not tell which one it gets.
 */
export function writeApiIndex(files: readonly GeneratedFile[]): string {
  const ownerOf = new Map<string, string>();
  const groups = files
    .toSorted((left, right) => (left.path < right.path ? -1 : 1))
    .map((file) => writeGroup(file, ownerOf));
  return ["// Generated from proto/; do not edit.", ...groups, ""].join("\n");
}

function writeGroup(file: GeneratedFile, ownerOf: Map<string, string>): string {
  const values = namesAfter(
    /^export (?:declare )?(?:const|function|class|enum) (\w+)/gm,
    file.text,
  );
  const types = namesAfter(/^export (?:type|interface) (\w+)/gm, file.text);
  // A name that is both (an enum as an object and its type) is exported once, as the value.
  const typesOnly = types.filter((name) => !values.includes(name));
  for (const name of [...values, ...typesOnly]) {
    const owner = ownerOf.get(name);
    if (owner !== undefined) {
      throw new Error(`${name} is exported by ${owner} and by ${file.path}: rename one in proto/`);
    }
    ownerOf.set(name, file.path);
  }
  const lines = [...values, ...typesOnly.map((name) => `type ${name}`)];
  return `export {\n${lines.map((line) => `  ${line},\n`).join("")}} from "./${file.path}";`;
}

function namesAfter(pattern: RegExp, text: string): string[] {
  const names = [...text.matchAll(pattern)].map((match) => match[1] ?? "");
  return [...new Set(names)].toSorted();
}
