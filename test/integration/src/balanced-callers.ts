import { setTimeout as delay } from "node:timers/promises";
import type { RouterDoors, Transcript } from "@penstock/test-support";

/** An answer, which key asked, and when. */
export interface KeyAnswer {
  readonly key: string;
  readonly askedMs: number;
  readonly transcript: Transcript;
}

/** Asks one router; rejects when there is no answer at all. */
export type AskRouter = (router: RouterDoors) => Promise<Transcript>;

/** Deals requests out to routers, as a load balancer in front of them does. */
export class BalancedCallers {
  readonly answers: KeyAnswer[] = [];
  readonly #routers: readonly RouterDoors[];
  readonly #out = new Set<RouterDoors>();
  readonly #open = new Map<RouterDoors, number>();
  readonly #asking: Promise<void>[] = [];
  #next = 0;
  #stopped = false;

  constructor(routers: readonly RouterDoors[]) {
    this.#routers = routers;
  }

  /** Begins to ask with a key, again and again, with a pause after each answer. */
  add(key: string, ask: AskRouter, pauseMs: number): void {
    const asking = this.#run(key, ask, pauseMs);
    this.#asking.push(asking);
    // Nobody may be waiting when asking fails; who stops them still hears of it.
    asking.catch(() => undefined);
  }

  /** Sends nothing to a router any more; resolves when what was sent is answered. */
  async takeOut(router: RouterDoors): Promise<void> {
    this.#out.add(router);
    while ((this.#open.get(router) ?? 0) > 0) await delay(5);
  }

  putBack(router: RouterDoors): void {
    this.#out.delete(router);
  }

  /** Of a key, asked for since a time of `performance.now()`. */
  since(key: string, fromMs: number): Transcript[] {
    return this.answers
      .filter((answer) => answer.key === key && answer.askedMs >= fromMs)
      .map(({ transcript }) => transcript);
  }

  /** Asks once, now; the answer is one among the others. */
  async once(key: string, router: RouterDoors, ask: AskRouter): Promise<Transcript> {
    const askedMs = performance.now();
    this.#open.set(router, (this.#open.get(router) ?? 0) + 1);
    try {
      const transcript = await ask(router);
      this.answers.push({ key, askedMs, transcript });
      return transcript;
    } finally {
      this.#open.set(router, (this.#open.get(router) ?? 0) - 1);
    }
  }

  /** Lets the open requests end. Throws for one that got no answer. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#asking);
  }

  async #run(key: string, ask: AskRouter, pauseMs: number): Promise<void> {
    while (!this.#stopped) {
      const ready = this.#routers.filter((router) => !this.#out.has(router));
      const router = ready[this.#next++ % ready.length];
      if (router === undefined) throw new Error("no router is left");
      await this.once(key, router, ask);
      await delay(pauseMs);
    }
  }
}
