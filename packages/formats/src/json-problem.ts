/** Where a JSON text stops being one. */
export interface JsonProblem {
  /** Position of the first character that does not fit. Unit: characters from zero. */
  position: number;
  /** What is wrong there. */
  problem: string;
}

const literal = /true|false|null|-?(?:0|[1-9]\d{0,400})(?:\.\d{1,400})?(?:[eE][+-]?\d{1,9})?/y;

/**
 * Finds why a text is not JSON. Used only after `JSON.parse` refused it, because the engine tells
 * the position in words only. The nesting must be bounded by the caller.
 */
export function findJsonProblem(text: string): JsonProblem {
  const walk = new JsonWalk(text);
  try {
    walk.value();
    walk.spaces();
    if (walk.position < text.length) walk.stop("text follows the value");
  } catch (problem) {
    if (problem instanceof JsonStop) return { position: walk.position, problem: problem.message };
    throw problem;
  }
  return { position: text.length, problem: "the text is not JSON" };
}

class JsonStop extends Error {}

class JsonWalk {
  position = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  stop(problem: string): never {
    throw new JsonStop(this.position >= this.#text.length ? "the text ends too early" : problem);
  }

  spaces(): void {
    while (" \n\r\t".includes(this.#text[this.position] ?? "x")) this.position++;
  }

  value(): void {
    this.spaces();
    const first = this.#text[this.position];
    if (first === "{") this.#members("}", () => this.#member());
    else if (first === "[") this.#members("]", () => this.value());
    else if (first === '"') this.#string();
    else this.#literal();
  }

  #members(close: string, member: () => void): void {
    this.position++;
    this.spaces();
    if (this.#text[this.position] === close) {
      this.position++;
      return;
    }
    for (;;) {
      member();
      this.spaces();
      const next = this.#text[this.position];
      if (next !== close && next !== ",") this.stop(`"," or "${close}" is expected`);
      this.position++;
      if (next === close) return;
    }
  }

  #member(): void {
    this.spaces();
    if (this.#text[this.position] !== '"') this.stop("a key in double quotes is expected");
    this.#string();
    this.spaces();
    if (this.#text[this.position] !== ":") this.stop('":" is expected');
    this.position++;
    this.value();
  }

  #string(): void {
    this.position++;
    for (;;) {
      const unit = this.#text.charCodeAt(this.position);
      if (Number.isNaN(unit)) this.stop("");
      if (unit < 32) this.stop("a control character stands in a string");
      if (unit === 92) this.#escape();
      this.position++;
      if (unit === 34) return;
    }
  }

  #escape(): void {
    this.position++;
    const kind = this.#text[this.position] ?? "";
    if (kind === "u") {
      const digits = this.#text.slice(this.position + 1, this.position + 5);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.stop("an escape has no four hexadecimal digits");
      this.position += 4;
    } else if (!'"\\/bfnrt'.includes(kind) || kind === "") this.stop("an escape is unknown");
  }

  #valueExpected(): string {
    const isMark = this.position === 0 && this.#text.startsWith("\uFEFF");
    return isMark ? "a value is expected, not a byte order mark" : "a value is expected";
  }

  #literal(): void {
    literal.lastIndex = this.position;
    if (!literal.test(this.#text)) this.stop(this.#valueExpected());
    this.position = literal.lastIndex;
  }
}
