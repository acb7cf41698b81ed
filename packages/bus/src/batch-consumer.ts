import type { Delivery, DeliveryOutcome } from "./event-stream.ts";

/** A delivery and what was read from it. */
export interface ReadDelivery<Item> {
  readonly delivery: Delivery;
  readonly item: Item;
}

/** What a consumer does with what it has read. */
export interface BatchWork<Item> {
  /** Items handed to `store` at most. */
  readonly maxBatch: number;
  /** Takes all of them or, throwing, none. */
  store(batch: readonly ReadDelivery<Item>[]): Promise<void>;
  /** Whether an error of `store` lies in the items, so that trying again would not help. */
  isLasting(error: unknown): boolean;
  /** Notes that an item will never be stored. Throws when that can't be noted now. */
  giveUp(item: Item, error: unknown): Promise<void>;
}

const retryAfterMs = 1_000;
/** An item that fails alone is tried so often, in case that a newer build comes to take it. */
const patientDeliveries = 30;

/**
 * Stores items in batches and gives the outcome of each delivery. An item that can't be stored
 * must not hold up the others for ever: a batch that fails because of its items is taken apart,
 * and what fails alone is given up after thirty deliveries. Never throws.
 */
export async function consumeBatches<Item>(
  items: readonly ReadDelivery<Item>[],
  work: BatchWork<Item>,
): Promise<Map<Delivery, DeliveryOutcome>> {
  const outcomes = new Map<Delivery, DeliveryOutcome>();
  for (let at = 0; at < items.length; at += work.maxBatch) {
    await consume(items.slice(at, at + work.maxBatch), work, outcomes);
  }
  return outcomes;
}

async function consume<Item>(
  batch: readonly ReadDelivery<Item>[],
  work: BatchWork<Item>,
  outcomes: Map<Delivery, DeliveryOutcome>,
): Promise<void> {
  try {
    await work.store(batch);
    for (const { delivery } of batch) outcomes.set(delivery, "ack");
  } catch (error) {
    const lasting = work.isLasting(error);
    const [only] = batch;
    if (lasting && batch.length > 1) {
      for (const one of batch) await consume([one], work, outcomes);
      return;
    }
    const hopeless = lasting && (only?.delivery.deliveryCount ?? 0) > patientDeliveries;
    const given = hopeless && only !== undefined && (await giveUp(only, work, error));
    for (const { delivery } of batch) outcomes.set(delivery, given ? "reject" : { retryAfterMs });
  }
}

async function giveUp<Item>(
  { item }: ReadDelivery<Item>,
  work: BatchWork<Item>,
  error: unknown,
): Promise<boolean> {
  return await work.giveUp(item, error).then(
    () => true,
    () => false,
  );
}
