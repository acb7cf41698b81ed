import { BlockKind, type BlockStarted, type CitationPart } from "@penstock/api";
import type { StreamEvent } from "../format.ts";

/** A block of text, refusal or reasoning begins. */
export function textStarted(index: number, candidate: number, kind: BlockKind): StreamEvent {
  return blockStarted(index, candidate, kind);
}

/** A tool call begins. */
export function toolCallStarted(
  index: number,
  candidate: number,
  call: { id: string; name: string },
): StreamEvent {
  return blockStarted(index, candidate, BlockKind.TOOL_CALL, {
    toolCallId: call.id,
    toolName: call.name,
  });
}

/** A citation begins, and is whole. */
export function citationStarted(
  index: number,
  candidate: number,
  citation: CitationPart,
): StreamEvent {
  return blockStarted(index, candidate, BlockKind.CITATION, { citation });
}

function blockStarted(
  index: number,
  candidate: number,
  kind: BlockKind,
  more?: Partial<BlockStarted>,
): StreamEvent {
  return {
    case: "blockStarted",
    value: {
      $typeName: "penstock.inference.v1.BlockStarted",
      index,
      candidate,
      kind,
      toolCallId: "",
      toolName: "",
      ...more,
    },
  };
}

/** A block grows by text. */
export function textDelta(index: number, value: string): StreamEvent {
  return {
    case: "blockDelta",
    value: {
      $typeName: "penstock.inference.v1.BlockDelta",
      index,
      delta: { case: "text", value },
    },
  };
}

/** A tool call grows by a piece of its arguments. */
export function argumentsDelta(index: number, value: string): StreamEvent {
  return {
    case: "blockDelta",
    value: {
      $typeName: "penstock.inference.v1.BlockDelta",
      index,
      delta: { case: "argumentsJson", value },
    },
  };
}

/** A block is complete. */
export function blockEnded(index: number): StreamEvent {
  return {
    case: "blockEnded",
    value: { $typeName: "penstock.inference.v1.BlockEnded", index },
  };
}
