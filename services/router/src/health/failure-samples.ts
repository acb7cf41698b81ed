import type { FailureClass } from "@penstock/formats";

/** Kinds of errors that are remembered; the one that came longest ago makes room. */
const maximumSamples = 200;

/** An error of a provider that no row of the failure tables knows. */
export interface FailureSample {
  readonly deployment: string;
  readonly providerKind: string;
  /** 0: inside an answer. */
  readonly httpStatus: number;
  readonly providerCode: string;
  readonly providerType: string;
  /** Redacted, at most 256 characters. */
  readonly message: string;
  readonly class: FailureClass;
}

/** A sample with how often and when it came. Times are wall times. */
export interface CountedSample extends FailureSample {
  readonly count: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** The errors that the tables lack, each kind once, for whoever adds rows. Bounded. */
export class FailureSamples {
  /** The newest stands last. */
  readonly #samples = new Map<string, CountedSample>();

  /** Notes one; true when its kind is new. */
  add(sample: FailureSample, nowMs: number): boolean {
    const { providerKind, httpStatus, providerCode, providerType } = sample;
    const key = `${providerKind} ${httpStatus} ${providerCode} ${providerType}`;
    const known = this.#samples.get(key);
    this.#samples.delete(key);
    const count = (known?.count ?? 0) + 1;
    const firstMs = known?.firstMs ?? nowMs;
    this.#samples.set(key, { ...sample, count, firstMs, lastMs: nowMs });
    if (this.#samples.size > maximumSamples) {
      const [oldest = ""] = this.#samples.keys();
      this.#samples.delete(oldest);
    }
    return known === undefined;
  }

  /** Newest first. */
  list(): readonly CountedSample[] {
    return [...this.#samples.values()].reverse();
  }
}
