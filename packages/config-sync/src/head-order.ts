/** Which state of which installation something is. */
export interface Position {
  readonly installationId: string;
  readonly epoch: bigint;
  readonly revision: bigint;
}

/** Order of two positions of one installation: the epoch wins over the revision. */
export function comparePositions(
  first: Pick<Position, "epoch" | "revision">,
  second: Pick<Position, "epoch" | "revision">,
): number {
  if (first.epoch !== second.epoch) return first.epoch < second.epoch ? -1 : 1;
  if (first.revision === second.revision) return 0;
  return first.revision < second.revision ? -1 : 1;
}
