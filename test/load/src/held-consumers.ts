import type { NodeProcess } from "./node-process.ts";
import type { Consumed, GateQuestion } from "./programs/consumer-gate.ts";
import type { Round, Variant } from "./rounds.ts";

/**
 * Times of variants with consumers held up; short, because what is put off takes consumers five
 * times as long.
 */
export const heldUpSeconds = { seconds: 1, warmSeconds: 1.5 } as const;

const pollMs = 20;
const patienceMs = 120_000;

/** The consumers of usage events of one process, and how many events there are for them. */
export class HeldConsumers {
  readonly #process: NodeProcess;
  #sent = 0;

  constructor(process: NodeProcess) {
    this.#process = process;
  }

  /** Requests that Penstock was sent; each is one usage event, also a refused one. */
  get sent(): number {
    return this.#sent;
  }

  /** Notes requests that were sent otherwise than by a variant of this. */
  add(requests: number): void {
    this.#sent += requests;
  }

  /** A variant whose requests are noted; nothing is held up. */
  counted(variant: Variant): Variant {
    return {
      ...variant,
      load: async (seconds) => {
        const result = await variant.load(seconds);
        this.add(result.requests + result.errors);
        return result;
      },
    };
  }

  /**
   * A variant that is measured while consumers are held up. Afterwards they are let go; what that
   * costs their process per request, in microseconds, is told to `note`.
   */
  heldUp(variant: Variant, note: (consumersUs: number) => void = () => undefined): Variant {
    return {
      ...this.counted(variant),
      prepare: async () => {
        await this.untilDone();
        await this.#ask("gate-close");
      },
      conclude: async ({ requests }: Round) => {
        const before = await this.#process.cpu();
        await this.#ask("gate-open");
        await this.untilDone();
        const after = await this.#process.cpu();
        note((after.cpuUs - before.cpuUs) / Math.max(1, requests));
      },
    };
  }

  /** A variant of which what consumers do is a part, to the last event. */
  included(variant: Variant): Variant {
    const settle = (): Promise<void> => this.untilDone();
    return { ...this.counted(variant), prepare: settle, settle };
  }

  /** Waits until every event is consumed. */
  async untilDone(): Promise<void> {
    const endMs = performance.now() + patienceMs;
    for (;;) {
      const { events } = await this.#ask("consumed");
      if (events >= this.#sent) return;
      if (performance.now() > endMs) {
        throw new Error(`${this.#sent - events} usage events are not consumed`);
      }
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  #ask(question: GateQuestion): Promise<Consumed> {
    return this.#process.ask<Consumed>(question);
  }
}
