import type { StreamEvent } from "../format.ts";
import type { AnswerOutput } from "../streams/answer-output.ts";

/**
 * Blocks that only begin are held back until there is content: until then an error, which
 * overloaded servers send at that point, may still lead to another target.
 */
export class HeldBlocks {
  readonly output: AnswerOutput;
  #held: StreamEvent[] = [];

  constructor(output: AnswerOutput) {
    this.output = output;
  }

  /** Hands one event on; `content`: it is more than the announcement of some. */
  emit(event: StreamEvent, content: boolean): void {
    if (!this.output.hasContent && !content) {
      this.#held.push(event);
      return;
    }
    this.release();
    this.output.emit(event);
  }

  /** Hands on what was held back. */
  release(): void {
    if (this.#held.length === 0) return;
    for (const event of this.#held) this.output.emit(event);
    this.#held = [];
  }
}
