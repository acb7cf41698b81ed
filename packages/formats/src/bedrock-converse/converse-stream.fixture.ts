import { BlockKind, type TokenUsage } from "@penstock/api";
import type { GatewayError } from "@penstock/errors";
import type { AnswerEnd, StreamEvent, StreamLimits } from "../format.ts";
import { createStreamReader } from "./read-stream.ts";
import { writeEvent, writeException } from "./write-stream.ts";

/** A frame as the fixtures write it. */
export interface FixtureFrame {
  readonly event?: string;
  readonly exception?: string;
  readonly payload: object;
}

/** What a reader said of a stream. */
export interface Outcome {
  events: StreamEvent[];
  end?: AnswerEnd;
  error?: GatewayError;
  calls: string[];
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

/** Reads pieces to the end of the stream. */
export function read(pieces: readonly Uint8Array[], limits?: StreamLimits): Outcome {
  const outcome: Outcome = { events: [], calls: [] };
  const reader = createStreamReader(
    {
      event(event) {
        outcome.calls.push("event");
        outcome.events.push(event);
      },
      flush: () => void outcome.calls.push("flush"),
      finish(end) {
        outcome.calls.push("finish");
        outcome.end = end;
      },
      fail(error) {
        outcome.calls.push("fail");
        outcome.error = error;
      },
    },
    limits,
  );
  for (const piece of pieces) reader.push(piece);
  reader.end();
  return outcome;
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

/** The name of an enum's member. */
export function nameOf(names: Record<string, number>, value: number): string {
  return Object.keys(names).find((name) => names[name] === value) ?? String(value);
}

/** The counts of a usage as texts; null: there is none. */
export function counts(usage: TokenUsage | undefined): unknown {
  if (usage === undefined) return null;
  const entries = Object.entries(usage).filter(([, value]) => typeof value === "bigint");
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}
