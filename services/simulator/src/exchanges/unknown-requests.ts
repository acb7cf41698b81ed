import type { ExchangeKey } from "./exchange.ts";
import { nameOf } from "./exchange.ts";

/** A request that nothing was recorded for. */
export interface UnknownRequest extends ExchangeKey {
  /** Model that the body names; empty where it names none. */
  readonly model: string;
  count: number;
}

/** Different requests remembered; of more only the number is. */
const maximumRequests = 1_000;

/** What strict replay was asked in vain: a test that is done looks here and wants to see nothing. */
export class UnknownRequests {
  readonly #requests = new Map<string, UnknownRequest>();
  /** All of them, also those that are not remembered. */
  count = 0;

  add(key: ExchangeKey, model: string): void {
    this.count += 1;
    const name = nameOf(key);
    const known = this.#requests.get(name);
    if (known !== undefined) known.count += 1;
    else if (this.#requests.size < maximumRequests) {
      this.#requests.set(name, { ...key, model, count: 1 });
    }
  }

  list(): readonly UnknownRequest[] {
    return [...this.#requests.values()];
  }

  clear(): void {
    this.#requests.clear();
    this.count = 0;
  }
}
