/** All that is no letter, digit or accent. */
const others = /[^\p{L}\p{M}\p{N}]+/gu;
/** An escape of JSON, of a text within a text too, or else one character. */
const parts = /\\+(?:u(?<code>[0-9a-fA-F]{4})|[bfnrt"/])|[\s\S]/gu;

/** Letters and digits of a text, small. */
export function lettersOf(text: string): string {
  return text.replace(others, "").toLowerCase();
}

/** Letters and digits of a text, and where in the text each begins and ends. */
export interface LetterRun {
  readonly letters: string;
  readonly begins: readonly number[];
  readonly ends: readonly number[];
}

/** The letters of a text as it stands, and as it is once its escapes are read. */
export function letterRuns(text: string): LetterRun[] {
  const plain = readLetters([...text.matchAll(/[\s\S]/gu)]);
  if (!text.includes("\\")) return [plain];
  return [plain, readLetters([...text.matchAll(parts)])];
}

function readLetters(matches: readonly RegExpExecArray[]): LetterRun {
  let letters = "";
  const begins: number[] = [];
  const ends: number[] = [];
  for (const { 0: part, index, groups } of matches) {
    const code = groups?.["code"];
    const character = code === undefined ? part : String.fromCharCode(parseInt(code, 16));
    const own = code === undefined && part.startsWith("\\") ? "" : lettersOf(character);
    letters += own;
    for (let unit = 0; unit < own.length; unit += 1) {
      begins.push(index);
      ends.push(index + part.length);
    }
  }
  return { letters, begins, ends };
}
