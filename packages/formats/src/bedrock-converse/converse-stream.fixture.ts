import { BlockKind } from "@penstock/api";
import { nameOf } from "../conformance/read-outcome.fixture.ts";
import type { StreamEvent } from "../format.ts";
import { writeEvent, writeException } from "./write-stream.ts";

/** A frame as the fixtures write it. */
export interface FixtureFrame {
  readonly event?: string;
  readonly exception?: string;
  readonly payload: object;
}

/** A text of one character for each byte, as bytes. */
export function bytesOf(latin1: string): Uint8Array {
  return Uint8Array.from(latin1, (character) => character.charCodeAt(0));
}

/** The frames of a fixture as they travel. */
export function framesOf(frames: readonly FixtureFrame[]): Uint8Array {
  const texts = frames.map(({ event, exception = "", payload }) => {
    if (event !== undefined) return writeEvent(event, { ...payload });
    const { message } = payload as { message: string };
    return writeException(exception, message);
  });
  return bytesOf(texts.join(""));
}

/** An event in one line. */
export function describeEvent(event: StreamEvent): string {
  switch (event.case) {
    case "blockStarted": {
      const { index, kind, toolCallId, toolName, redacted, citation, formatPart } = event.value;
      const words = [
        `start ${index} ${nameOf(BlockKind, kind)}`,
        toolCallId,
        toolName,
        redacted === true ? "redacted" : "",
        citation?.uri ?? "",
        formatPart?.format ?? "",
      ];
      return words.filter((word) => word !== "").join(" ");
    }
    case "blockDelta": {
      const { value } = event.value.delta;
      const plain = typeof value === "string" || value instanceof Uint8Array;
      return `${event.value.index} += ${plain ? String(value) : JSON.stringify(value)}`;
    }
    case "blockEnded":
      return `end ${event.value.index} ${event.value.signature ?? ""}`.trim();
    default:
      return event.case;
  }
}
