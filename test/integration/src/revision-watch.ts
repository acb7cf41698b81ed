import { setTimeout as delay } from "node:timers/promises";

/** What a request was decided by. */
interface Decision {
  readonly revision: bigint;
  readonly provider: string;
  readonly atMs: number;
}

const longestWaitMs = 10_000;

/** Asks in a tight loop and notes by which revision each request was decided. */
export class RevisionWatch {
  readonly #decisions: Decision[] = [];
  readonly #asking: Promise<void>;
  #stopped = false;

  constructor(asked: { readonly httpUrl: string; readonly key: string; readonly model: string }) {
    this.#asking = this.#ask(asked);
    // Nobody may be waiting when asking fails; who stops it still hears of it.
    this.#asking.catch(() => undefined);
  }

  /**
   * Milliseconds from now until the first answer to a request that was decided by the revision or
   * a newer one. Throws when it came from another provider than the revision says.
   */
  async delayUntil(revision: bigint, provider: string): Promise<number> {
    const startMs = performance.now();
    for (;;) {
      const decision = this.#decisions.find((one) => one.revision >= revision);
      if (decision !== undefined) {
        if (decision.provider === provider) return Math.max(0, decision.atMs - startMs);
        throw new Error(`revision ${revision} asked ${decision.provider}, not ${provider}`);
      }
      if (performance.now() - startMs > longestWaitMs) {
        throw new Error(`no request was decided by revision ${revision}`);
      }
      await delay(1);
    }
  }

  /** Stops asking. Throws what went wrong while asking. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#asking;
  }

  async #ask(asked: { httpUrl: string; key: string; model: string }): Promise<void> {
    const url = `${asked.httpUrl}/v1/chat/completions`;
    const headers = { authorization: `Bearer ${asked.key}`, "content-type": "application/json" };
    const messages = [{ role: "user", content: "which revision" }];
    const body = JSON.stringify({ model: asked.model, messages });
    while (!this.#stopped) {
      const response = await fetch(url, { method: "POST", headers, body });
      const text = await response.text();
      if (response.status !== 200) throw new Error(`asking in a loop: ${text}`);
      this.#decisions.push({
        revision: BigInt(response.headers.get("x-penstock-revision") ?? "0"),
        provider: response.headers.get("x-penstock-provider") ?? "",
        atMs: performance.now(),
      });
    }
  }
}
