import type { TokenUsage } from "@penstock/api";
import type { AnswerEnd, StreamEvent, StreamSink } from "@penstock/formats";
import type { GatewayError } from "@penstock/errors";
import type { AnswerReading } from "./attempt-message.ts";

/** What is longer is not looked through only to know better what it cost. Unit: bytes. */
const longestMisread = 1_048_576;

/**
 * What there is in a stream that came although a whole answer was asked for: nobody gets it, but its
 * provider may bill it. Undefined where no piece of content can be read.
 */
export function readMisread(
  body: Uint8Array,
  reading: Pick<AnswerReading, "createStreamReader">,
): Misread | undefined {
  if (body.length > longestMisread) return undefined;
  const misread = new Misread();
  const reader = reading.createStreamReader?.(misread);
  reader?.push(body);
  reader?.end();
  return misread.deltas === 0 ? undefined : misread;
}

/** Counts what it hears. */
class Misread implements StreamSink {
  /** Pieces of content. */
  deltas = 0;
  /** As the provider told it; undefined: it did not. */
  usage: TokenUsage | undefined;

  event(event: StreamEvent): void {
    if (event.case === "blockDelta") this.deltas += 1;
  }

  flush(): void {
    // Nobody waits for what was read.
  }

  finish({ usage }: AnswerEnd): void {
    this.usage = usage;
  }

  fail(_error: GatewayError, usage?: TokenUsage): void {
    this.usage = usage;
  }
}
