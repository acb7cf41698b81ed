import { BlockKind, type BlockDelta } from "@penstock/api";

/** One block of a stream while it is written. */
export class WrittenBlock {
  readonly kind: BlockKind;
  ended = false;
  readonly #index: number;
  readonly #opening: Record<string, unknown>;
  /** Text up to the value of a delta, and from behind it to the end of the event. */
  readonly #before: string;
  readonly #after = "}}\n\n";
  #opened = false;
  #waiting = "";

  constructor(index: number, kind: BlockKind, opening: Record<string, unknown>) {
    this.#index = index;
    this.kind = kind;
    this.#opening = opening;
    this.#before = beforeDelta(index, kind);
  }

  /** It grows. */
  grow(delta: BlockDelta["delta"]): void {
    if (delta.case === "formatDelta") this.#waiting += this.#deltaEvent(delta.value);
    else if (delta.case === "text" || delta.case === "argumentsJson") {
      this.#waiting += this.#before + JSON.stringify(delta.value) + this.#after;
    }
  }

  /** A citation of its text. */
  cite(citation: Record<string, unknown>): void {
    this.#waiting += this.#deltaEvent({ type: "citations_delta", citation });
  }

  /** It is complete; `signature` is empty where it has none. */
  end(signature: string): void {
    this.ended = true;
    if (signature === "" || this.kind !== BlockKind.REASONING) return;
    if (this.#opening["type"] === "redacted_thinking") this.#opening["data"] = signature;
    else this.#waiting += this.#deltaEvent({ type: "signature_delta", signature });
  }

  /** What it has to say since the last call. */
  take(): string {
    // What is not shown has nothing but its beginning, which is known at its end.
    if (this.#opening["type"] === "redacted_thinking" && !this.ended) return "";
    const start = this.#opened ? "" : this.#start();
    this.#opened = true;
    const text = start + this.#waiting;
    this.#waiting = "";
    return text;
  }

  /** Its last event. */
  stop(): string {
    const data = `{"type":"content_block_stop","index":${this.#index}}`;
    return `event: content_block_stop\ndata: ${data}\n\n`;
  }

  #start(): string {
    const fields = { type: "content_block_start", index: this.#index };
    const block = JSON.stringify({ ...fields, content_block: this.#opening });
    return `event: content_block_start\ndata: ${block}\n\n`;
  }

  #deltaEvent(delta: Readonly<Record<string, unknown>>): string {
    const fields = { type: "content_block_delta", index: this.#index, delta };
    return `event: content_block_delta\ndata: ${JSON.stringify(fields)}\n\n`;
  }
}

/** What is the same in every delta is made once per block, so that one costs a text's JSON. */
function beforeDelta(index: number, kind: BlockKind): string {
  const head = `event: content_block_delta\ndata: {"type":"content_block_delta","index":${index}`;
  switch (kind) {
    case BlockKind.REASONING:
      return `${head},"delta":{"type":"thinking_delta","thinking":`;
    case BlockKind.TOOL_CALL:
      return `${head},"delta":{"type":"input_json_delta","partial_json":`;
    default:
      return `${head},"delta":{"type":"text_delta","text":`;
  }
}
