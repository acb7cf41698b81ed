/** One charge or adjustment as it is written down. Amount in the unit of the quota. */
export interface Transfer {
  /** Id of the request; the adjustment's own for an adjustment. */
  readonly id: string;
  readonly quota: string;
  /** Tells apart two charges of one request on one quota, from 0. */
  readonly ordinal: number;
  /** `voided`: it was reserved and nothing was used. */
  readonly state: "posted" | "voided";
  /** Below 0 for a credit. */
  readonly amount: bigint;
  readonly periodStartMs: number;
  readonly createMs: number;
  /** Empty: no lease. */
  readonly leaseId: string;
  /** Empty: a charge. */
  readonly reason: string;
  /** Who adjusted; empty for a charge. */
  readonly actor: string;
  readonly rate: boolean;
}
