import type { AttemptFailure } from "./attempt-failure.ts";
import { letterRuns, lettersOf } from "./letters-of.ts";
import type { RequestContext } from "./request-context.ts";

/** A run of so many letters and digits that the request has, too, is taken for a piece of it … */
const leastRun = 16;
/** … and a whole text of the request that has fewer, but so many. */
const leastText = 8;
/** Longer requests are not compared, which would take over 30 ms: no words about them are kept. */
const mostCharacters = 512 * 1024;
/** Media and other bytes; words of people are not so long. */
const encodedBytes = /[A-Za-z0-9+/=_-]{64,}/g;
const mark = "[…]";

/**
 * A failure without what its provider repeats of the request: its words go into records, logs and
 * traces, which hold no prompt. Compared are letters and digits alone, as providers quote requests
 * in their own notation, with escapes or without.
 */
export function withoutEcho(
  failure: AttemptFailure,
  request: Pick<RequestContext, "request" | "vectors">,
): AttemptFailure {
  const { providerMessage, providerCode, providerType = "" } = failure;
  if (providerMessage === "" && providerCode === "" && providerType === "") return failure;
  const texts = new RequestTexts();
  texts.add(request.request, "");
  texts.add(request.vectors, "");
  return {
    ...failure,
    providerMessage: texts.cutFrom(providerMessage),
    providerCode: texts.cutFrom(providerCode),
    providerType: texts.cutFrom(providerType),
  };
}

/** What people and programs have written into a request. */
class RequestTexts {
  readonly #letters: string[] = [];
  readonly #short = new Set<string>();
  #characters = 0;
  #joined: string | undefined;

  /** Takes all texts of a value; `field` is where it stands. Names of models are no secret. */
  add(value: unknown, field: string): void {
    if (field === "model" || field === "models" || field === "$typeName") return;
    if (typeof value === "string") this.#take(value, field);
    else if (Array.isArray(value)) {
      if (typeof value[0] === "number") this.#takeNumbers(value);
      else for (const item of value) this.add(item, field);
    } else if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value)) {
      for (const [name, item] of Object.entries(value)) this.add(item, name);
    }
  }

  #take(text: string, field: string): void {
    this.#characters += text.length;
    if (this.#isTooLong) return;
    const letters = lettersOf(text);
    if (letters.length >= leastRun) this.#letters.push(letters);
    else if (letters.length >= leastText && field === "text") this.#short.add(letters);
  }

  /** A text as the model's own tokens. */
  #takeNumbers(numbers: readonly unknown[]): void {
    this.#characters += numbers.length;
    if (!this.#isTooLong) this.#take(numbers.join(" "), "");
  }

  get #isTooLong(): boolean {
    return this.#characters > mostCharacters;
  }

  /** The words without what the request has; empty where it is too long to be compared. */
  cutFrom(words: string): string {
    if (words.length < leastText) return words;
    if (this.#isTooLong) return "";
    const hidden = new Uint8Array(words.length);
    for (const { index, 0: run } of words.matchAll(encodedBytes)) {
      hidden.fill(1, index, index + run.length);
    }
    for (const { letters, begins, ends } of letterRuns(words)) {
      this.#findRuns(letters, (from, to) => hidden.fill(1, begins[from], ends[to - 1]));
    }
    return withMarks(words, hidden);
  }

  /** Tells of each piece that the request has, from a letter to the one behind its last. */
  #findRuns(letters: string, found: (from: number, to: number) => void): void {
    this.#joined ??= this.#letters.join(" ");
    for (let from = 0; from + leastRun <= letters.length;) {
      let to = from + leastRun;
      if (!this.#joined.includes(letters.slice(from, to))) {
        from += 1;
        continue;
      }
      while (to < letters.length && this.#joined.includes(letters.slice(from, to + 1))) to += 1;
      found(from, to);
      from = to;
    }
    for (const short of this.#short) {
      const from = letters.indexOf(short);
      if (from >= 0) found(from, from + short.length);
    }
  }
}

/** Hidden places as marks; what stands between two of them and is no letter goes with them. */
function withMarks(words: string, hidden: Uint8Array): string {
  let kept = "";
  let at = 0;
  while (at < words.length) {
    const from = hidden.indexOf(1, at);
    if (from < 0) break;
    const between = words.slice(at, from);
    const joins = kept.endsWith(mark) && lettersOf(between) === "";
    kept += joins ? "" : between + mark;
    const behind = hidden.indexOf(0, from);
    at = behind < 0 ? words.length : behind;
  }
  return kept + words.slice(at);
}
