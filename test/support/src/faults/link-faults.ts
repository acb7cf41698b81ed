/** What happens to the bytes of one direction of a connection. */
export interface LinkFaults {
  /** Every byte arrives so much later. Unit: milliseconds. */
  readonly latencyMs?: number;
  /** Bytes per second; no more. */
  readonly bytesPerSecond?: number;
  /** Passes so many bytes of each connection, and then does what `cutBy` says. */
  readonly cutAfterBytes?: number;
  /**
   * `reset`: both sides get a TCP reset. `close`: both are closed in the regular way.
   * `half_close`: this direction ends, the other goes on. `silence`: nothing more passes, and
   * nobody is told.
   */
  readonly cutBy?: "reset" | "close" | "half_close" | "silence";
  /** Number of a byte, from 0, that arrives with all its bits turned. */
  readonly corruptByte?: number;
  /** Every byte leaves in a write of its own. */
  readonly splitEveryByte?: boolean;
}

/** Bytes that passed one direction, over all connections. */
export interface LinkCount {
  bytes: number;
}
