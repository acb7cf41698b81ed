import type { TextRange } from "../format.ts";
import { afterSpace, endOfString } from "../json-text.ts";

const maxDepth = 64;
const [quote, colon, comma] = [34, 58, 44];
const [openBrace, closeBrace, openBracket, closeBracket] = [123, 125, 91, 93];

/**
 * Where the value of a key of the outermost object stands, without the white space around it;
 * undefined when the key is missing, given twice, or the text is nested too deep. Whether the text
 * is JSON is not checked.
 */
export function findTopLevelValue(text: string, name: string): TextRange | undefined {
  let depth = 0;
  let start = -1;
  let found: TextRange | undefined;
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case quote: {
        const end = endOfString(text, index + 1);
        if (end < 0) return undefined;
        const next = afterSpace(text, end + 1);
        const isKey = depth === 1 && text.charCodeAt(next) === colon;
        const isWanted = isKey && text.slice(index + 1, end) === name;
        if (isWanted && (start >= 0 || found !== undefined)) return undefined;
        if (isWanted) start = afterSpace(text, next + 1);
        index = isKey ? next : end;
        break;
      }
      case openBrace:
      case openBracket:
        if (++depth > maxDepth) return undefined;
        break;
      case closeBrace:
      case closeBracket:
      case comma: {
        if (depth === 1 && start >= 0) {
          found = { start, end: start + text.slice(start, index).trimEnd().length };
          start = -1;
        }
        if (text.charCodeAt(index) !== comma) depth -= 1;
        break;
      }
      default:
        break;
    }
  }
  return found;
}
