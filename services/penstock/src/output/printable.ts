/** Control characters, and those that turn the direction of writing. */
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** A text whose control characters are shown: stored or foreign text could turn the terminal. */
export function printable(text: string): string {
  return text.replaceAll(unprintable, escaped);
}

/** The same for several lines, which stay lines. */
export function printableLines(text: string): string {
  return text.replaceAll(unprintable, (character) =>
    character === "\n" || character === "\t" ? character : escaped(character),
  );
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
