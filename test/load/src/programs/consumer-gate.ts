import { eventsIn } from "@penstock/bus";
import type { Bus, ConsumeOptions, EventStream, StreamMessage } from "@penstock/bus";

/** How far consumers are. */
export interface Consumed {
  /** Usage events that every consumer has answered for since the start. */
  readonly events: number;
}

/** A bus whose consumers of usage events can be held up. */
export interface GatedBus {
  readonly bus: Bus;
  /** By name, what a parent may ask: see `answerParent`. */
  readonly answers: Readonly<Record<GateQuestion, () => Consumed>>;
  /** Lets consumers go on. */
  open(): void;
}

/** While the gate is closed no consumer is handed anything; what is published waits. */
export type GateQuestion = "gate-close" | "gate-open" | "consumed";

/**
 * Wraps a bus, so that what a request costs can be told apart from what is done with its usage
 * event later. Publishing is not touched.
 */
export function gateConsumers(inner: Bus): GatedBus {
  let barrier: PromiseWithResolvers<void> | undefined;
  const answered = new Map<string, number>();
  const consume = (options: ConsumeOptions) => {
    const { consumer } = options;
    answered.set(consumer, 0);
    return inner.usage.consume({
      ...options,
      handle: async (batch, progress) => {
        while (barrier !== undefined) await barrier.promise;
        const outcomes = await options.handle(batch, progress);
        let done = answered.get(consumer) ?? 0;
        for (const [index, { payload }] of batch.entries()) {
          if (typeof outcomes[index] === "string") done += eventsIn(payload).length;
        }
        answered.set(consumer, done);
        return outcomes;
      },
    });
  };
  const usage: EventStream = {
    publish: (batch: readonly StreamMessage[], signal) => inner.usage.publish(batch, signal),
    consume,
  };
  const close = (): void => void (barrier ??= Promise.withResolvers<void>());
  const open = (): void => {
    barrier?.resolve();
    barrier = undefined;
  };
  const consumed = (): Consumed => ({ events: Math.min(...answered.values()) });
  const after = (change: () => void) => (): Consumed => {
    change();
    return consumed();
  };
  const answers = { "gate-close": after(close), "gate-open": after(open), consumed };
  return { bus: { ...inner, usage }, answers, open };
}
