/** A source text taken apart; all three have the length and the lines of the original. */
export interface SplitSource {
  /** Code with the contents of comments, strings and regular expressions blanked out. */
  readonly code: string;
  /** Comments with everything else blanked out. */
  readonly comments: string;
  readonly original: string;
}

interface Cursor {
  readonly text: string;
  position: number;
  readonly code: string[];
  readonly comments: string[];
  /** Depth of braces at which each open template placeholder started. */
  readonly placeholders: number[];
  braces: number;
}

const wordsBeforeRegex =
  /(?:^|[^\w$.])(?:return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield)$/;
const maxWordLength = 12;

/** Splits TypeScript or JavaScript by scanning it once; good for formatted, valid code. */
export function splitSource(original: string): SplitSource {
  const cursor: Cursor = {
    text: original,
    position: 0,
    code: [],
    comments: [],
    placeholders: [],
    braces: 0,
  };
  while (cursor.position < original.length) step(cursor);
  return { code: cursor.code.join(""), comments: cursor.comments.join(""), original };
}

function step(cursor: Cursor): void {
  const { text, position } = cursor;
  const character = text[position] ?? "";
  const two = text.slice(position, position + 2);
  if (two === "//") return takeComment(cursor, endOf(text, "\n", position));
  if (two === "/*") return takeComment(cursor, endOf(text, "*/", position + 2) + 2);
  if (character === '"' || character === "'") return takeString(cursor, character);
  if (character === "`") return takeTemplate(cursor);
  if (character === "/" && startsRegex(cursor)) return takeRegex(cursor);
  if (character === "{") cursor.braces += 1;
  if (character === "}") {
    if (cursor.placeholders.at(-1) === cursor.braces) {
      cursor.placeholders.pop();
      return takeTemplate(cursor);
    }
    cursor.braces -= 1;
  }
  keep(cursor);
}

function endOf(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from);
  return found === -1 ? text.length : found;
}

function keep(cursor: Cursor): void {
  cursor.code.push(cursor.text[cursor.position] ?? "");
  cursor.comments.push(blank(cursor.text[cursor.position] ?? ""));
  cursor.position += 1;
}

function skip(cursor: Cursor): void {
  cursor.code.push(blank(cursor.text[cursor.position] ?? ""));
  cursor.comments.push(blank(cursor.text[cursor.position] ?? ""));
  cursor.position += 1;
}

function blank(character: string): string {
  return character === "\n" ? "\n" : " ".repeat(character.length);
}

function takeComment(cursor: Cursor, end: number): void {
  for (; cursor.position < Math.min(end, cursor.text.length); cursor.position += 1) {
    const character = cursor.text[cursor.position] ?? "";
    cursor.code.push(blank(character));
    cursor.comments.push(character);
  }
}

function takeString(cursor: Cursor, quote: string): void {
  keep(cursor);
  while (cursor.position < cursor.text.length && cursor.text[cursor.position] !== quote) {
    if (cursor.text[cursor.position] === "\\") skip(cursor);
    if (cursor.text[cursor.position] === "\n") return;
    skip(cursor);
  }
  keep(cursor);
}

// Called at the backquote that opens a template and at the brace that ends a placeholder.
function takeTemplate(cursor: Cursor): void {
  keep(cursor);
  while (cursor.position < cursor.text.length) {
    const character = cursor.text[cursor.position];
    if (character === "`") return keep(cursor);
    if (character === "$" && cursor.text[cursor.position + 1] === "{") {
      skip(cursor);
      keep(cursor);
      cursor.placeholders.push(cursor.braces);
      return;
    }
    if (character === "\\") skip(cursor);
    skip(cursor);
  }
}

function startsRegex(cursor: Cursor): boolean {
  let index = cursor.code.length - 1;
  while (index >= 0 && /\s/.test(cursor.code[index] ?? "")) index -= 1;
  if (index < 0) return true;
  const before = cursor.code[index] ?? "";
  if (!/[\w$)\]}"'`]/.test(before)) return true;
  const start = Math.max(0, index + 1 - maxWordLength);
  return wordsBeforeRegex.test(cursor.code.slice(start, index + 1).join(""));
}

function takeRegex(cursor: Cursor): void {
  keep(cursor);
  let inClass = false;
  while (cursor.position < cursor.text.length) {
    const character = cursor.text[cursor.position];
    if (character === "\n") return;
    if (character === "/" && !inClass) return keep(cursor);
    if (character === "[") inClass = true;
    if (character === "]") inClass = false;
    if (character === "\\") skip(cursor);
    skip(cursor);
  }
}
