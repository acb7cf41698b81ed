import type { TokenUsage } from "@penstock/api";
import type { GatewayError } from "@penstock/errors";
import type {
  AnswerEnd,
  Format,
  StreamEvent,
  StreamLimits,
  StreamReader,
  StreamRelay,
} from "../format.ts";

/** What a stream reader made of some bytes. */
export interface Outcome {
  readonly events: StreamEvent[];
  /** What it said, in order, by the names of the sink's methods. */
  readonly calls: (keyof StreamSinkCalls)[];
  end: AnswerEnd | undefined;
  error: GatewayError | undefined;
  /** What the provider said that a failed answer used. */
  failedUsage: TokenUsage | undefined;
  /** Whether it was known to be complete before it ended. */
  proven: boolean;
  /** Text for a caller of the same format, before the end. */
  relayed: string;
}

interface StreamSinkCalls {
  event: unknown;
  relay: unknown;
  flush: unknown;
  finish: unknown;
  fail: unknown;
}

/** A reader whose sink notes everything. */
export function noting(
  format: Pick<Format, "createStreamReader">,
  limits?: StreamLimits,
  relay?: StreamRelay,
): { outcome: Outcome; reader: StreamReader } {
  const outcome: Outcome = {
    events: [],
    calls: [],
    end: undefined,
    error: undefined,
    failedUsage: undefined,
    proven: false,
    relayed: "",
  };
  const sink = {
    event(event: StreamEvent): void {
      outcome.calls.push("event");
      outcome.events.push(event);
    },
    relay(text: string): void {
      outcome.calls.push("relay");
      outcome.relayed += text;
    },
    flush(): void {
      outcome.calls.push("flush");
    },
    finish(end: AnswerEnd): void {
      outcome.calls.push("finish");
      outcome.end = end;
    },
    fail(error: GatewayError, usage?: TokenUsage): void {
      outcome.calls.push("fail");
      outcome.error = error;
      outcome.failedUsage = usage;
    },
  };
  return { outcome, reader: format.createStreamReader(sink, limits, relay) };
}

/** Reads a stream in these pieces, which the upstream then ends in the regular way. */
export function readStream(
  format: Pick<Format, "createStreamReader">,
  chunks: Iterable<Uint8Array>,
  limits?: StreamLimits,
  relay?: StreamRelay,
): Outcome {
  const { outcome, reader } = noting(format, limits, relay);
  for (const chunk of chunks) reader.push(chunk);
  outcome.proven = reader.proven ?? false;
  reader.end();
  return outcome;
}

/** How often it said that the stream is over, and whether anything came after that. */
export function endsOf({ calls }: Outcome): { ends: number; late: number } {
  const isEnd = (call: string): boolean => call === "finish" || call === "fail";
  const first = calls.findIndex(isEnd);
  const ends = calls.filter(isEnd).length;
  return { ends, late: first < 0 ? 0 : calls.length - first - ends };
}

/** All that a caller gets of an answer; deltas of one block are one text. */
export function contentOf({ events, end }: Pick<Outcome, "events" | "end">): unknown {
  const blocks: Record<string, unknown>[] = [];
  for (const event of events) {
    if (event.case === "blockStarted") blocks[event.value.index] = { ...event.value, said: "" };
    else if (event.case === "blockDelta") {
      const block = blocks[event.value.index];
      if (block !== undefined) block["said"] = `${block["said"]}${event.value.delta.value}`;
    }
  }
  const finishes = end?.candidates.map(({ candidate, reason }) => ({ candidate, reason }));
  return { blocks, finishes };
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

/** The bytes of a text. */
export const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
