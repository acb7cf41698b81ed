/** Which request of which life of which worker an intent on the bus is of. */
export interface IntentPlace {
  /** Name of the worker on the bus. */
  readonly worker: string;
  readonly epoch: bigint;
  readonly requestId: string;
}

/** Key in bucket `intents`. */
export function intentKey({ worker, epoch, requestId }: IntentPlace): string {
  return `${worker}.${epoch}.${requestId}`;
}

/** Undefined for a key of another form. */
export function parseIntentKey(key: string): IntentPlace | undefined {
  const [, worker, epoch, requestId] = /^([\w-]+)\.(\d{1,18})\.([\w-]+)$/.exec(key) ?? [];
  if (worker === undefined || epoch === undefined || requestId === undefined) return undefined;
  return { worker, epoch: BigInt(epoch), requestId };
}
