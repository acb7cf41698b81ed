/** A sentence of the README that is measured. */
export interface Claim {
  /** As in the README's marker `<!-- claim:ID -->`. */
  readonly id: string;
  readonly sentence: string;
  /** The figure may be as large as this. */
  readonly bound: number;
  readonly unit: string;
  /** Gives the figure; throws when it could not be measured. */
  readonly measure: () => Promise<number>;
}
