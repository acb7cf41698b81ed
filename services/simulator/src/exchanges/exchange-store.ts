import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GatewayError } from "@penstock/errors";
import { nameOf } from "./exchange.ts";
import type { Exchange, ExchangeKey, RecordedAnswer } from "./exchange.ts";

/** Exchanges of one folder. */
const maximumExchanges = 10_000;
/** Answers of one request; later ones are not kept. */
const maximumAnswers = 100;
/** Largest file that is read. Unit: bytes. */
const maximumFileBytes = 64 * 1024 * 1024;

/** Recorded exchanges, a file each. */
export class ExchangeStore {
  readonly #folder: string;
  readonly #exchanges = new Map<string, Exchange>();
  readonly #answered = new Map<string, number>();

  /**
   * Reads all exchanges of a folder, which is made where it is not there.
   *
   * @throws GatewayError FIELD_INVALID for a file that is none, or too many.
   */
  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
    const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
    if (names.length > maximumExchanges) {
      throw new GatewayError("FIELD_INVALID", `${folder} has more than ${maximumExchanges} files`);
    }
    for (const name of names) {
      const exchange = readExchange(join(folder, name));
      this.#exchanges.set(nameOf(exchange), exchange);
    }
  }

  get size(): number {
    return this.#exchanges.size;
  }

  /** The answers of a request in turn, then the last one again; undefined when there is none. */
  answer(key: ExchangeKey): RecordedAnswer | undefined {
    const name = nameOf(key);
    const answers = this.#exchanges.get(name)?.answers ?? [];
    const at = Math.min(this.#answered.get(name) ?? 0, answers.length - 1);
    this.#answered.set(name, at + 1);
    return answers[at];
  }

  /** Keeps one more answer to a request; false when the folder or the request has too many. */
  add(exchange: Omit<Exchange, "answers">, answer: RecordedAnswer): boolean {
    const name = nameOf(exchange);
    const known = this.#exchanges.get(name);
    if (known === undefined && this.#exchanges.size >= maximumExchanges) return false;
    const answers = known?.answers ?? [];
    if (answers.length >= maximumAnswers) return false;
    const next = { ...exchange, answers: [...answers, answer] };
    this.#exchanges.set(name, next);
    const file = join(this.#folder, `${name}.json`);
    // A process that dies while it writes leaves the former file whole.
    writeFileSync(`${file}.new`, `${JSON.stringify(next, null, 2)}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
    return true;
  }
}

function readExchange(file: string): Exchange {
  const refuse = (problem: string): GatewayError =>
    new GatewayError("FIELD_INVALID", `${file} is no recorded exchange: ${problem}`);
  if (statSync(file).size > maximumFileBytes) throw refuse("it is too large");
  let value: Partial<Exchange>;
  try {
    value = JSON.parse(readFileSync(file, "utf8")) as Partial<Exchange>;
  } catch {
    throw refuse("it is not JSON");
  }
  const { vendor, method, path, bodySha256, answers } = value;
  const texts = [vendor, method, path, bodySha256];
  if (!texts.every((text) => typeof text === "string")) throw refuse("it does not name a request");
  if (!Array.isArray(answers) || answers.length === 0) throw refuse("it has no answers");
  for (const { status, headers, text, base64 } of answers as readonly Partial<RecordedAnswer>[]) {
    if (typeof status !== "number" || status < 200 || status > 599) throw refuse("a status is odd");
    if (typeof headers !== "object") throw refuse("an answer has no headers");
    if (typeof (text ?? base64) !== "string") throw refuse("an answer has no body");
  }
  return value as Exchange;
}
