import { BlockKind, type BlockDelta, type BlockStarted } from "@penstock/api";
import type { StreamEvent } from "./format.ts";

/**
 * Checks that events keep the grammar of a stream: at most one `started`, first; blocks counted
 * from zero, each begun once, grown by deltas of its kind, ended once; at most one `finished`,
 * last, with no block open. Returns what is wrong, in order; for tests of every format.
 */
export function checkEventGrammar(events: readonly StreamEvent[]): string[] {
  const check = new GrammarCheck();
  for (const [position, event] of events.entries()) check.take(event, position);
  return check.problems;
}

class GrammarCheck {
  readonly problems: string[] = [];
  readonly #open = new Map<number, BlockKind>();
  #next = 0;
  #finished = false;

  take(event: StreamEvent, position: number): void {
    const refuse = (problem: string): void => {
      this.problems.push(`event ${position}: ${problem}`);
    };
    if (this.#finished && event.case !== "keepalive") refuse(`${event.case} after finished`);
    switch (event.case) {
      case "started":
        if (position !== 0) refuse("started is not first");
        return;
      case "blockStarted":
        this.#start(event.value, refuse);
        return;
      case "blockDelta":
        this.#delta(event.value, refuse);
        return;
      case "blockEnded":
        if (!this.#open.delete(event.value.index)) refuse("ends a block that is not open");
        return;
      case "finished":
        if (this.#open.size > 0) refuse(`${this.#open.size} blocks are open at the end`);
        this.#finished = true;
        return;
      case "keepalive":
        return;
    }
  }

  #start(started: BlockStarted, refuse: (problem: string) => void): void {
    if (started.index !== this.#next) refuse(`block ${started.index} is not ${this.#next}`);
    this.#next = started.index + 1;
    this.#open.set(started.index, started.kind);
    if (started.kind === BlockKind.UNSPECIFIED) refuse("block without a kind");
    const isCall = started.kind === BlockKind.TOOL_CALL;
    if (isCall !== (started.toolCallId !== "") || isCall !== (started.toolName !== "")) {
      refuse("id and name of a tool call do not fit the kind");
    }
  }

  #delta({ index, delta }: BlockDelta, refuse: (problem: string) => void): void {
    const kind = this.#open.get(index);
    if (kind === undefined) refuse("delta of a block that is not open");
    else if (deltaOf(kind) !== delta.case) refuse(`delta ${delta.case} does not fit the block`);
  }
}

function deltaOf(kind: BlockKind): BlockDelta["delta"]["case"] {
  switch (kind) {
    case BlockKind.TEXT:
    case BlockKind.REFUSAL:
    case BlockKind.REASONING:
      return "text";
    case BlockKind.TOOL_CALL:
      return "argumentsJson";
    case BlockKind.MEDIA:
      return "data";
    case BlockKind.FORMAT:
      return "formatDelta";
    default:
      return undefined;
  }
}
