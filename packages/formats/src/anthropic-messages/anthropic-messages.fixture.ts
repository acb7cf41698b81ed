import { BlockKind, type ContentPart, type TokenUsage } from "@penstock/api";
import type { GatewayError } from "@penstock/errors";
import type { AnswerEnd, StreamEvent, StreamReader, StreamRelay, StreamSink } from "../format.ts";
import { createStreamReader } from "./read-stream.ts";

/** Everything that a stream came to. */
export interface Outcome {
  events: StreamEvent[];
  end?: AnswerEnd;
  error?: GatewayError;
  calls: string[];
  /** The text for a caller of the same format. */
  relayed: string;
}

/** The bytes of a text. */
export const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The name of an enum's value. */
export const nameOf = (names: Record<string, number>, value: number): string =>
  Object.keys(names).find((name) => names[name] === value) ?? String(value);

/** Events as a server of the format sends them. */
export const sse = (events: readonly { type: string }[]): string =>
  events.map((one) => `event: ${one.type}\ndata: ${JSON.stringify(one)}\n\n`).join("");

/** A reader whose sink notes everything. */
export function noting(relay?: StreamRelay): { outcome: Outcome; reader: StreamReader } {
  const outcome: Outcome = { events: [], calls: [], relayed: "" };
  const sink: StreamSink = {
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
    relay: (text) => void (outcome.relayed += text),
  };
  return { outcome, reader: createStreamReader(sink, {}, relay) };
}

/** What chunks come to when the stream ends behind them. */
export function readChunks(chunks: readonly Uint8Array[]): Outcome {
  const { outcome, reader } = noting();
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return outcome;
}

/** An event in one line. */
export function describeEvent(event: StreamEvent): string {
  switch (event.case) {
    case "blockStarted": {
      const { index, candidate, kind, toolCallId, toolName, redacted } = event.value;
      const of = `start ${index} of ${candidate} ${nameOf(BlockKind, kind)}`;
      const rest = redacted === true ? "redacted" : `${toolCallId} ${toolName}`;
      return `${of} ${rest}`.trim();
    }
    case "blockDelta": {
      const { index, delta } = event.value;
      const value = delta.case === "formatDelta" ? JSON.stringify(delta.value) : delta.value;
      return `${index} += ${String(value)}`;
    }
    case "blockEnded":
      return `end ${event.value.index} ${event.value.signature ?? ""}`.trim();
    default:
      return event.case;
  }
}

/** A part as a list of what matters in it. */
export function describePart({ part }: ContentPart): unknown[] {
  switch (part.case) {
    case "text":
      return ["text", part.value.text];
    case "reasoning":
      return ["reasoning", part.value.text, part.value.signature, part.value.redacted];
    case "toolCall":
      return ["toolCall", part.value.id, part.value.name, part.value.argumentsJson];
    case "citation": {
      const { uri = null, title, quotedText } = part.value;
      return ["citation", uri, title, quotedText];
    }
    case "formatPart":
      return ["formatPart", part.value.content?.["type"]];
    default:
      return [part.case];
  }
}

/** The counts of a usage, as texts. */
export function counts(usage: TokenUsage | undefined): unknown {
  if (usage === undefined) return null;
  const entries = Object.entries(usage).filter(([, value]) => typeof value === "bigint");
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}
