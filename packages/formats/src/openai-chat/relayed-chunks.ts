import type { TokenUsage } from "@penstock/api";
import { localFailure } from "../failure-to-error.ts";
import type { RelayedEnd, StreamRelay } from "../format.ts";
import { locateValue } from "../streams/locate-value.ts";
import { answerId } from "./write-response.ts";
import { writeUsage } from "./usage.ts";

/** Most text that waits for the first content, or for the end. Unit: characters. */
const maxHeldLength = 8_388_608;
/**
 * Most chunks that wait likewise, however short: what was read of one takes more memory than its
 * text. As many as reach the other bound where one has 256 characters, which is usual.
 */
const maxHeldChunks = 32_768;
const endMark = "data: [DONE]\n\n";
const kind = "chat.completion.chunk";

type Fields = Readonly<Record<string, unknown>>;

/** A chunk that was read. */
interface ReadChunk {
  readonly data: string;
  readonly fields: Fields;
  /** What takes the place of its choices; undefined: they may go on as they came. */
  readonly choices: readonly Fields[] | undefined;
  /** Whether there was anything to tell of it, so that what waits for content need not. */
  readonly hasContent: boolean;
  /** Whether it says that all candidates are complete. */
  readonly isLast: boolean;
}

/**
 * The chunks of a stream on their way to a caller of the same format: as they came, but for the name
 * of the model, and for what callers rely on and a server left out. What comes before the first
 * content waits for it, since until then another target may answer, and who answers is not known.
 * What says that the answer is complete waits for the end, since until then it may break.
 */
export class RelayedChunks {
  /** The name that callers get to see, as JSON. */
  readonly modelJson: string;
  readonly #relay: StreamRelay;
  #waiting: ReadChunk[] | undefined = [];
  #waitingLength = 0;
  #id = "";
  #createdSeconds = 0;
  #usageTold = false;

  constructor(relay: StreamRelay) {
    this.#relay = relay;
    this.modelJson = JSON.stringify(relay.model);
  }

  /** Takes a chunk; gives what goes on. Throws UPSTREAM_MALFORMED when too much waits. */
  add(chunk: ReadChunk, responseId: string): string {
    if (this.#createdSeconds === 0) this.#createdSeconds = secondsOf(chunk.fields["created"]);
    const { usage, choices } = chunk.fields;
    if (usage != null) {
      if (!this.#relay.includeUsage && Array.isArray(choices) && choices.length === 0) return "";
      this.#usageTold = true;
    }
    const before = chunk.hasContent ? this.release(responseId) : "";
    if (this.#waiting === undefined && !chunk.isLast) return before + this.#write(chunk);
    this.#waiting ??= [];
    this.#waiting.push(chunk);
    this.#waitingLength += chunk.data.length;
    if (this.#waitingLength > maxHeldLength || this.#waiting.length > maxHeldChunks) {
      throw localFailure("MALFORMED", "the stream begins or ends with too much");
    }
    return before;
  }

  /** Whether a chunk goes on at once, and as it came. */
  keeps({ fields, choices }: ReadChunk): boolean {
    return this.#waiting === undefined && choices === undefined && this.#isOwn(fields);
  }

  /** There is content, or the end: gives what waited. */
  release(responseId: string): string {
    const waiting = this.#waiting;
    if (waiting === undefined) return "";
    this.#waiting = undefined;
    this.#waitingLength = 0;
    if (this.#id === "") this.#id = answerId({ ...this.#relay, responseId });
    if (this.#createdSeconds === 0) this.#createdSeconds = this.#relay.createdSeconds;
    return waiting.map((chunk) => this.#write(chunk)).join("");
  }

  /** The end of the stream, whose last content was passed on. */
  end(responseId: string): RelayedEnd {
    const text = this.release(responseId);
    const isTold = this.#usageTold || !this.#relay.includeUsage;
    return new ChunksEnd(text, isTold ? undefined : JSON.stringify(this.#about()));
  }

  #write({ data, fields, choices }: ReadChunk): string {
    const text = choices === undefined && this.#isOwn(fields) ? this.#renamed(data) : undefined;
    if (text !== undefined) return `data: ${text}\n\n`;
    const mended = { ...fields, ...this.#about(), choices: choices ?? fields["choices"] };
    const created = secondsOf(fields["created"]);
    if (created > 0) mended.created = created;
    return `data: ${JSON.stringify(mended)}\n\n`;
  }

  /** Whether a chunk says of the answer what all of its chunks are to say. */
  #isOwn({ id, object, created }: Fields): boolean {
    return id === this.#id && object === kind && secondsOf(created) > 0;
  }

  #renamed(data: string): string | undefined {
    if (data.includes("\n")) return undefined;
    const model = locateValue(data, ["model"]);
    return model && data.slice(0, model.start) + this.modelJson + data.slice(model.end);
  }

  #about(): { id: string; object: string; created: number; model: string } {
    return {
      id: this.#id,
      object: kind,
      created: this.#createdSeconds,
      model: this.#relay.model,
    };
  }
}

class ChunksEnd implements RelayedEnd {
  readonly text: string;
  /** Of the chunk that tells the usage, where the provider did not and the caller asked for it. */
  readonly about: string | undefined;

  constructor(text: string, about: string | undefined) {
    this.text = text;
    this.about = about;
  }

  write(usage: TokenUsage): string {
    const about = this.about;
    if (about === undefined) return this.text + endMark;
    const told = `"choices":[],"usage":${JSON.stringify(writeUsage(usage))}`;
    return `${this.text}data: ${about.slice(0, -1)},${told}}\n\n${endMark}`;
  }
}

/** A moment as chunks tell it; 0: not told. */
function secondsOf(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : 0;
}
