/**
 * Whether a header stands more than once with different values in raw headers, which are names
 * and values by turns. Node shows only the first of some, and a proxy may have looked at another.
 */
export function differingValues(rawHeaders: readonly string[], name: string): boolean {
  let first: string | undefined;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const given = rawHeaders[at];
    // The length is compared first, since this runs for every header of every request.
    if (given?.length !== name.length || given.toLowerCase() !== name) continue;
    first ??= rawHeaders[at + 1];
    if (rawHeaders[at + 1] !== first) return true;
  }
  return false;
}
