/** Invariants of the whole (reliability §6) that can be read from its books and its callers. */
export type InvariantName = "I1" | "I2" | "I3" | "I4" | "I5" | "I8";

/** One that does not hold. */
export interface Broken {
  readonly invariant: InvariantName;
  /** A sentence with names and numbers. */
  readonly what: string;
}
