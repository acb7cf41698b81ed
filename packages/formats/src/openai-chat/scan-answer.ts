import type { TextRange } from "../format.ts";
import { afterSpace, endOfString } from "../json-text.ts";

/** Where the parts of a whole answer stand. */
export interface AnswerScan {
  id: TextRange;
  model: TextRange;
  usage: TextRange;
  serviceTier: TextRange | undefined;
  /** In their order in the text. */
  choices: ScannedChoice[];
}

/** What the scan has seen of a choice; each at most once. */
export interface ScannedChoice {
  index: TextRange | undefined;
  finishReason: TextRange | undefined;
  hasMessage: boolean;
}

const maxDepth = 64;
const [quote, colon, comma] = [34, 58, 44];
const [openBrace, closeBrace, openBracket, closeBracket] = [123, 125, 91, 93];

/** Kinds of the brackets that are open: a scan is never interrupted by another. */
const open = new Uint8Array(maxDepth + 1);

/**
 * Finds the parts of a Chat Completions answer without building anything of its content. Checks
 * that strings and brackets are complete and match, so that a cut or joined text is not taken for
 * an answer; undefined for that, and for whatever is unusual: a key given twice or with an escape,
 * an error beside the choices, a part that is missing.
 */
export function scanAnswer(text: string): AnswerScan | undefined {
  return new AnswerScanner(text).scan();
}

class AnswerScanner {
  readonly #text: string;
  #depth = 0;
  #topKey = "";
  #topValueStart = 0;
  #choiceKey = "";
  #choiceValueStart = 0;
  #inChoices = false;
  #choice: ScannedChoice | undefined;
  #usual = true;
  #id: TextRange | undefined;
  #model: TextRange | undefined;
  #usage: TextRange | undefined;
  #serviceTier: TextRange | undefined;
  #choices: ScannedChoice[] | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  scan(): AnswerScan | undefined {
    const text = this.#text;
    const start = afterSpace(text, 0);
    if (text.charCodeAt(start) !== openBrace) return undefined;
    let index = start;
    do {
      index = this.#step(index);
      if (index < 0 || !this.#usual) return undefined;
    } while (this.#depth > 0);
    if (afterSpace(text, index) !== text.length) return undefined;
    return this.#result();
  }

  #result(): AnswerScan | undefined {
    const [id, model, usage, choices] = [this.#id, this.#model, this.#usage, this.#choices];
    if (id === undefined || model === undefined || usage === undefined) return undefined;
    if (choices === undefined || choices.length === 0) return undefined;
    if (!choices.every((choice) => choice.hasMessage)) return undefined;
    return { id, model, usage, serviceTier: this.#serviceTier, choices };
  }

  /** Takes what begins at `index`; gives where it ends, or -1 where the text can't go on so. */
  #step(index: number): number {
    const text = this.#text;
    if (index >= text.length) return -1;
    switch (text.charCodeAt(index)) {
      case quote:
        return this.#string(index);
      case openBrace:
      case openBracket:
        return this.#open(text.charCodeAt(index), index);
      case closeBrace:
      case closeBracket:
        return this.#close(text.charCodeAt(index), index);
      case comma:
        this.#endValue(index);
        return index + 1;
      default:
        return index + 1;
    }
  }

  #open(bracket: number, index: number): number {
    if (this.#depth === maxDepth) return -1;
    this.#depth += 1;
    open[this.#depth] = bracket;
    if (this.#inChoices && this.#depth === 3) {
      this.#usual &&= bracket === openBrace;
      this.#choice = { index: undefined, finishReason: undefined, hasMessage: false };
      this.#choices?.push(this.#choice);
      this.#choiceKey = "";
    }
    return index + 1;
  }

  #close(bracket: number, index: number): number {
    // Both pairs of brackets are two apart.
    if (open[this.#depth] !== bracket - 2) return -1;
    this.#endValue(index);
    this.#depth -= 1;
    return index + 1;
  }

  /** Takes a string, and the colon behind it when it is a key. */
  #string(start: number): number {
    const text = this.#text;
    const end = endOfString(text, start + 1);
    if (end < 0) return -1;
    const next = afterSpace(text, end + 1);
    if (text.charCodeAt(next) !== colon) return next;
    if (this.#depth === 1) this.#beginTop(start + 1, end, next + 1);
    else if (this.#depth === 3 && this.#inChoices) this.#beginInChoice(start + 1, end, next + 1);
    return next + 1;
  }

  #beginTop(start: number, end: number, valueStart: number): void {
    const key = this.#text.slice(start, end);
    if (key.includes("\\") || key === "error") this.#usual = false;
    this.#topKey = key;
    this.#topValueStart = valueStart;
    this.#inChoices = key === "choices";
    if (!this.#inChoices) return;
    const list = this.#text.charCodeAt(afterSpace(this.#text, valueStart)) === openBracket;
    if (!list || this.#choices !== undefined) this.#usual = false;
    this.#choices = [];
  }

  #beginInChoice(start: number, end: number, valueStart: number): void {
    const key = this.#text.slice(start, end);
    if (key.includes("\\")) this.#usual = false;
    this.#choiceKey = key;
    this.#choiceValueStart = valueStart;
    if (key !== "message" || this.#choice === undefined) return;
    const value = this.#text.charCodeAt(afterSpace(this.#text, valueStart));
    if (this.#choice.hasMessage || value !== openBrace) this.#usual = false;
    this.#choice.hasMessage = true;
  }

  /** A comma or bracket at `end` ends the value of the present key. */
  #endValue(end: number): void {
    const depth = this.#depth;
    if (depth === 1) this.#endTopValue(end);
    else if (depth === 3 && this.#inChoices) this.#endChoiceValue(end);
  }

  #endTopValue(end: number): void {
    const range = { start: this.#topValueStart, end };
    switch (this.#topKey) {
      case "id":
        this.#usual &&= this.#id === undefined;
        this.#id = range;
        break;
      case "model":
        this.#usual &&= this.#model === undefined;
        this.#model = range;
        break;
      case "usage":
        this.#usual &&= this.#usage === undefined;
        this.#usage = range;
        break;
      case "service_tier":
        this.#usual &&= this.#serviceTier === undefined;
        this.#serviceTier = range;
        break;
      default:
        break;
    }
  }

  #endChoiceValue(end: number): void {
    const choice = this.#choice;
    const range = { start: this.#choiceValueStart, end };
    if (choice === undefined) return;
    if (this.#choiceKey === "index") {
      this.#usual &&= choice.index === undefined;
      choice.index = range;
    } else if (this.#choiceKey === "finish_reason") {
      this.#usual &&= choice.finishReason === undefined;
      choice.finishReason = range;
    }
  }
}
