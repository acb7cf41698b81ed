import { BlockKind } from "@penstock/api";
import type { StreamEvent, StreamWriter } from "@penstock/formats";
import type { Reply, ReplyBlock } from "../reply.ts";

const inference = "penstock.inference.v1";
const blockKinds: Readonly<Record<ReplyBlock["kind"], BlockKind>> = {
  text: BlockKind.TEXT,
  refusal: BlockKind.REFUSAL,
  reasoning: BlockKind.REASONING,
  tool_call: BlockKind.TOOL_CALL,
};

/** What a stream writer makes of one event. */
export type StreamBytes = ReturnType<StreamWriter["event"]>;

/** Replies as a list of pieces, each with the events that carry it; candidates take turns. */
export class StreamScript {
  readonly #pieces: readonly (readonly StreamEvent[])[];
  /** Opens the first block; empty where that already says something, as a tool call does. */
  readonly opening: readonly StreamEvent[];

  constructor(replies: readonly Reply[]) {
    const pieces = inTurns(replies);
    const first = pieces[0]?.[0];
    const quiet = replies[0]?.blocks[0]?.kind !== "tool_call";
    this.opening = quiet && first !== undefined ? [first] : [];
    this.#pieces = pieces.map((piece, at) => (at === 0 && quiet ? piece.slice(1) : piece));
  }

  /** Events of a piece, from zero; undefined behind the last one. */
  piece(at: number): readonly StreamEvent[] | undefined {
    return this.#pieces[at];
  }
}

/** One piece of each candidate, then the next of each; blocks are numbered through all of them. */
function inTurns(replies: readonly Reply[]): StreamEvent[][] {
  let blocks = 0;
  const all = replies.map((reply, candidate) =>
    reply.blocks.flatMap((block) => eventsOf(block, blocks++, candidate)),
  );
  const longest = Math.max(0, ...all.map(({ length }) => length));
  return Array.from({ length: longest }, (_, at) =>
    all.flatMap((one) => one.slice(at, at + 1)),
  ).flat();
}

function eventsOf(block: ReplyBlock, index: number, candidate: number): StreamEvent[][] {
  const last = block.pieces.length - 1;
  return block.pieces.map((piece, at) => [
    ...(at === 0 ? [blockStarted(block, index, candidate)] : []),
    blockDelta(block, index, piece),
    ...(at === last ? [blockEnded(block, index)] : []),
  ]);
}

function blockStarted(
  { kind, toolCallId, toolName }: ReplyBlock,
  index: number,
  candidate: number,
): StreamEvent {
  return {
    case: "blockStarted",
    value: {
      $typeName: `${inference}.BlockStarted`,
      index,
      candidate,
      kind: blockKinds[kind],
      toolCallId,
      toolName,
    },
  };
}

function blockDelta({ kind }: ReplyBlock, index: number, piece: string): StreamEvent {
  const delta =
    kind === "tool_call"
      ? ({ case: "argumentsJson", value: piece } as const)
      : ({ case: "text", value: piece } as const);
  return {
    case: "blockDelta",
    value: { $typeName: `${inference}.BlockDelta`, index, delta },
  };
}

function blockEnded({ signature }: ReplyBlock, index: number): StreamEvent {
  const proof = signature === "" ? {} : { signature };
  return {
    case: "blockEnded",
    value: { $typeName: `${inference}.BlockEnded`, index, ...proof },
  };
}
