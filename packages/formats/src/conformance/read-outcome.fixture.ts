import type { GatewayError } from "@penstock/errors";
import type { AnswerEnd, Format, StreamEvent, StreamLimits, StreamRelay } from "../format.ts";

/** What a stream reader made of some bytes. */
export interface Outcome {
  readonly events: StreamEvent[];
  /** Each time it said that the stream is over. */
  readonly ends: (AnswerEnd | GatewayError)[];
  end: AnswerEnd | undefined;
  error: GatewayError | undefined;
  /** Whether it was known to be complete before it ended. */
  proven: boolean;
  /** Text for a caller of the same format, before the end. */
  relayed: string;
  /** Events or flushes that came after the end. */
  late: number;
}

/** Reads a stream in these pieces, which the upstream then ends in the regular way. */
export function readStream(
  format: Format,
  chunks: Iterable<Uint8Array>,
  limits?: StreamLimits,
  relay?: StreamRelay,
): Outcome {
  const outcome: Outcome = {
    events: [],
    ends: [],
    end: undefined,
    error: undefined,
    proven: false,
    relayed: "",
    late: 0,
  };
  const note = (): void => {
    if (outcome.ends.length > 0) outcome.late += 1;
  };
  const reader = format.createStreamReader(
    {
      event(event) {
        note();
        outcome.events.push(event);
      },
      relay(text) {
        note();
        outcome.relayed += text;
      },
      flush: note,
      finish(end) {
        outcome.ends.push(end);
        outcome.end = end;
      },
      fail(error) {
        outcome.ends.push(error);
        outcome.error = error;
      },
    },
    limits,
    relay,
  );
  for (const chunk of chunks) reader.push(chunk);
  outcome.proven = reader.proven ?? false;
  reader.end();
  return outcome;
}

/** All that a caller gets of an answer; deltas of one block are one text. */
export function contentOf({ events, end }: Outcome): unknown {
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
