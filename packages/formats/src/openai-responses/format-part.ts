import { BlockKind, type ContentPart, type FormatPart } from "@penstock/api";
import type { JsonObject, StreamEvent } from "../format.ts";

/** Name of the format, as parts of it are marked. */
export const formatName = "openai-responses";

/** What only this format has words for. */
export function inThisFormat(content: Record<string, unknown>): FormatPart {
  return {
    $typeName: "penstock.inference.v1.FormatPart",
    format: formatName,
    content: content as JsonObject,
  };
}

/** A part with an item that only this format knows. */
export function formatPart(item: Record<string, unknown>): ContentPart {
  return {
    $typeName: "penstock.inference.v1.ContentPart",
    part: { case: "formatPart", value: inThisFormat(item) },
  };
}

/** The block of an item that only this format knows begins. */
export function formatStarted(index: number, item: Record<string, unknown>): StreamEvent {
  return {
    case: "blockStarted",
    value: {
      $typeName: "penstock.inference.v1.BlockStarted",
      index,
      candidate: 0,
      kind: BlockKind.FORMAT,
      toolCallId: "",
      toolName: "",
      formatPart: inThisFormat(item),
    },
  };
}

/** Such a block grows by an event about its item. */
export function formatDelta(index: number, event: Record<string, unknown>): StreamEvent {
  return {
    case: "blockDelta",
    value: {
      $typeName: "penstock.inference.v1.BlockDelta",
      index,
      delta: { case: "formatDelta", value: event as JsonObject },
    },
  };
}
