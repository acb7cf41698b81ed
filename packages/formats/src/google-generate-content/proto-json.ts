/** A member by its name in proto JSON, whose parsers take `inlineData` and `inline_data` alike. */
export function member(fields: Readonly<Record<string, unknown>>, name: string): unknown {
  return fields[name] ?? fields[snakeCase(name)];
}

/** The members of an object that are not among `known`, in either spelling; undefined: none. */
export function otherMembers(
  fields: Readonly<Record<string, unknown>>,
  known: ReadonlySet<string>,
): Record<string, unknown> | undefined {
  let others: Record<string, unknown> | undefined;
  for (const key in fields) {
    if (known.has(key) || known.has(camelCase(key))) continue;
    others ??= {};
    others[key] = fields[key];
  }
  return others;
}

/** The spelling that the reference uses: `inline_data` is `inlineData`. */
export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
