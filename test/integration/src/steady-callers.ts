import { setTimeout as delay } from "node:timers/promises";
import { askOverHttp } from "@penstock/test-support";
import type { Question, Transcript } from "@penstock/test-support";

/** An answer and when it was asked for. */
export interface TimedAnswer {
  readonly askedMs: number;
  readonly transcript: Transcript;
}

/** Callers who ask again and again until they are stopped. */
export class SteadyCallers {
  readonly answers: TimedAnswer[] = [];
  readonly #asking: Promise<void>[];
  #stopped = false;

  /** Each of `callers` asks, waits for the answer, pauses, and asks again. */
  constructor(
    gateway: { readonly httpUrl: string },
    key: string,
    how: { readonly question: Question; readonly callers: number; readonly pauseMs: number },
  ) {
    this.#asking = Array.from({ length: how.callers }, () => this.#ask(gateway, key, how));
    // Nobody may be waiting when asking fails; who stops them still hears of it.
    for (const asking of this.#asking) asking.catch(() => undefined);
  }

  /** What was asked for since a time of `performance.now()`. */
  since(startMs: number): Transcript[] {
    return this.answers
      .filter(({ askedMs }) => askedMs >= startMs)
      .map(({ transcript }) => transcript);
  }

  /** Lets the open requests end, and gives every answer. Throws for one that got none. */
  async stop(): Promise<Transcript[]> {
    this.#stopped = true;
    await Promise.all(this.#asking);
    return this.since(0);
  }

  async #ask(
    gateway: { readonly httpUrl: string },
    key: string,
    { question, pauseMs }: { readonly question: Question; readonly pauseMs: number },
  ): Promise<void> {
    while (!this.#stopped) {
      const askedMs = performance.now();
      this.answers.push({ askedMs, transcript: await askOverHttp(gateway, key, question) });
      await delay(pauseMs);
    }
  }
}
