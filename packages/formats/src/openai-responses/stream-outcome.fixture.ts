import { BlockKind, type TokenUsage } from "@penstock/api";
import type { GatewayError } from "@penstock/errors";
import type { AnswerEnd, StreamEvent, StreamReader, StreamRelay } from "../format.ts";
import { openaiResponses } from "./openai-responses.ts";

/** What a reader did with a stream. */
export interface Outcome {
  events: StreamEvent[];
  end?: AnswerEnd;
  error?: GatewayError;
  failedUsage?: TokenUsage | undefined;
  /** What was passed on as it came. */
  relayed: string;
  calls: string[];
}

/** The bytes of a text. */
export const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Name of a value of an enum. */
export const nameOf = (names: Record<string, number>, value: number): string =>
  Object.keys(names).find((name) => names[name] === value) ?? String(value);

/** Events as a server writes them. */
export const sse = (events: readonly { type: string }[]): string =>
  events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");

/** A reader, and what it does. */
export function newReader(relay?: StreamRelay): { outcome: Outcome; reader: StreamReader } {
  const outcome: Outcome = { events: [], relayed: "", calls: [] };
  const reader = openaiResponses.createStreamReader(
    {
      event(event) {
        outcome.calls.push("event");
        outcome.events.push(event);
      },
      relay(text) {
        outcome.calls.push("relay");
        outcome.relayed += text;
      },
      flush() {
        outcome.calls.push("flush");
      },
      finish(end) {
        outcome.calls.push("finish");
        outcome.end = end;
      },
      fail(error, usage) {
        outcome.calls.push("fail");
        outcome.error = error;
        outcome.failedUsage = usage;
      },
    },
    {},
    relay,
  );
  return { outcome, reader };
}

/** Reads a stream that comes in these pieces. */
export function readStream(chunks: readonly Uint8Array[], relay?: StreamRelay): Outcome {
  const { outcome, reader } = newReader(relay);
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return outcome;
}

/** An event in one line. */
export function describeEvent(event: StreamEvent): string {
  switch (event.case) {
    case "blockStarted": {
      const { index, kind, toolCallId, toolName, citation, formatPart } = event.value;
      const own = String(formatPart?.content?.["type"] ?? citation?.uri ?? "");
      const words = [`start ${index}`, nameOf(BlockKind, kind), toolCallId, toolName, own];
      return words.filter((word) => word !== "").join(" ");
    }
    case "blockDelta": {
      const { delta, index, logprobs } = event.value;
      const isOwn = delta.case === "formatDelta";
      const value = isOwn ? delta.value["type"] : delta.value;
      const tokens = logprobs?.tokens.map((one) => `${one.token} ${one.logprob} ${one.top.length}`);
      return `${index} += ${String(value)}${tokens === undefined ? "" : ` [${tokens.join()}]`}`;
    }
    case "blockEnded": {
      const { index, signature, signatureIssuer } = event.value;
      return `end ${index}${signature === undefined ? "" : ` signed ${signature} by ${signatureIssuer}`}`;
    }
    default:
      return event.case;
  }
}

/** The counts of a usage. */
export function counts(usage: TokenUsage | undefined): unknown {
  if (usage === undefined) return null;
  const entries = Object.entries(usage).filter(([, value]) => typeof value === "bigint");
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}
