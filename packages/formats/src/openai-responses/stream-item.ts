import type { BlockDelta, BlockEnded, TokenLogprobs } from "@penstock/api";

/** An output item while it is written. */
export interface StreamItem {
  /** The events of its beginning. */
  start(): string;
  /** The event of more of it. */
  delta(delta: BlockDelta["delta"], logprobs: TokenLogprobs | undefined): string;
  /** The events of its end. */
  end(ended: BlockEnded): string;
}
