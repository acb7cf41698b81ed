const backslash = 92;

/** Position of the first character from `index` on that is no white space. */
export function afterSpace(text: string, index: number): number {
  let at = index;
  while (at < text.length && text.charCodeAt(at) <= 32) at += 1;
  return at;
}

/** Position of the quote that closes the string whose text begins at `from`; -1: there is none. */
export function endOfString(text: string, from: number): number {
  let end = text.indexOf('"', from);
  while (end > from && text.charCodeAt(end - 1) === backslash) {
    let escapes = 1;
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes += 1;
    if (escapes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return end;
}
