/**
 * Headers of a call with those that its caller sent along, which replace the provider's own of the
 * same names. Both flat: name, value. A new list.
 */
export function withPassedHeaders(own: readonly string[], passed: readonly string[]): string[] {
  const names = new Set<string>();
  for (let at = 0; at < passed.length; at += 2) names.add(passed[at] ?? "");
  const headers: string[] = [];
  for (let at = 0; at < own.length; at += 2) {
    const name = own[at] ?? "";
    if (!names.has(name)) headers.push(name, own[at + 1] ?? "");
  }
  headers.push(...passed);
  return headers;
}
