import { lineAt } from "./scan-imports.ts";

/** A function, method or arrow function with a body in braces; lines counted from 1. */
export interface FunctionSpan {
  readonly name: string;
  readonly startLine: number;
  readonly endLine: number;
}

const notNames = new Set(["if", "for", "while", "switch", "catch", "with", "await", "return", ""]);
const namedArrow = /\b(?:const|let)\s+([\w$]+)\s*(?::[^;]*)?=\s*(?:async\s*)?(?:<[^()]*>)?$/;
const nameWithin = 200;
const farthestBack = 4_000;

/** Finds function bodies by matching braces; `code` has comments and strings blanked out. */
export function findFunctions(code: string): FunctionSpan[] {
  const found: FunctionSpan[] = [];
  const open: ({ name: string; start: number } | undefined)[] = [];
  for (const match of code.matchAll(/[{}]/g)) {
    if (match[0] === "{") {
      open.push(readHead(code, match.index));
      continue;
    }
    const head = open.pop();
    if (head === undefined) continue;
    found.push({
      name: head.name,
      startLine: lineAt(code, head.start),
      endLine: lineAt(code, match.index),
    });
  }
  return found.toSorted((left, right) => left.startLine - right.startLine);
}

// What opens at this brace: the name and start of a function, or undefined for anything else.
function readHead(code: string, brace: number): { name: string; start: number } | undefined {
  const end = skipBlanksBack(code, brace - 1);
  const isArrow = code.slice(end - 1, end + 1) === "=>";
  const close = findParameters(code, isArrow ? skipBlanksBack(code, end - 2) : end);
  if (close === undefined) {
    return isArrow ? { name: "arrow function", start: end } : undefined;
  }
  const start = matchBack(code, close);
  const before = code.slice(Math.max(0, start - nameWithin), start);
  if (isArrow) return { name: namedArrow.exec(before)?.[1] ?? "arrow function", start };
  const name = /([\w$#]*)\s*(?:<[^()]*>)?$/.exec(before)?.[1] ?? "";
  const sameLine = before.slice(before.lastIndexOf("\n") + 1);
  if (notNames.has(name) && !/\bfunction\s*\*?\s*$/.test(sameLine)) return undefined;
  if (/^\s*(?:case|(?:export )?(?:default )?(?:abstract )?class)\b/.test(sameLine))
    return undefined;
  return { name: name || "function", start };
}

function findParameters(code: string, end: number): number | undefined {
  if (code[end] === ")") return end;
  return code[end] === ":" ? undefined : findReturnType(code, end);
}

// Walks back over a return type to the `)` of `): Type {`; undefined when there is none.
function findReturnType(code: string, from: number): number | undefined {
  const limit = Math.max(0, from - farthestBack);
  for (let index = from; index > limit; index -= 1) {
    const character = code[index] ?? "";
    if (character === ":" && code[index - 1] === ")") return index - 1;
    if (/[;,={(]/.test(character)) return undefined;
    if (character === "}" && code[index + 1] === "\n") return undefined;
    if (character === ")" || character === "]" || character === "}") index = matchBack(code, index);
    else if (character === ">") index = matchAngleBack(code, index);
  }
  return undefined;
}

const opposite: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };

function matchBack(code: string, close: number): number {
  const closing = code[close] ?? "";
  const opening = opposite[closing];
  let depth = 0;
  for (let index = close; index >= 0; index -= 1) {
    if (code[index] === closing) depth += 1;
    if (code[index] === opening) depth -= 1;
    if (depth === 0) return index;
  }
  return 0;
}

function matchAngleBack(code: string, close: number): number {
  if (code[close - 1] === "=") return close - 1;
  let depth = 0;
  for (let index = close; index > Math.max(0, close - farthestBack); index -= 1) {
    const isArrow = code[index] === ">" && code[index - 1] === "=";
    if (code[index] === ">" && !isArrow) depth += 1;
    if (code[index] === "<") depth -= 1;
    if (depth === 0) return index;
  }
  return 0;
}

function skipBlanksBack(code: string, from: number): number {
  let index = from;
  while (index > 0 && /\s/.test(code[index] ?? "")) index -= 1;
  return index;
}
