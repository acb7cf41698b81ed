import type { Logger } from "@penstock/observability";

/**
 * AWS takes a signature for five minutes before and after its own time. A refusal with a date that is
 * this far from the signature's may be for its time; to sign once more costs one call.
 * Unit: milliseconds.
 */
const leastSkewMs = 240_000;
/** More than that is no clock that runs wrong, and nobody's word for the time is taken for it. */
const longestSkewMs = 86_400_000;
/** With these a signature is refused. */
const refusals: ReadonlySet<number> = new Set([400, 401, 403]);

/** How far the machine's clock is from that of AWS, as far as its refusals have told. */
export class ClockSkew {
  readonly #logger: Pick<Logger, "warn">;
  #offsetMs = 0;

  constructor(logger: Pick<Logger, "warn">) {
    this.#logger = logger;
  }

  /** The time to sign with. Unit: milliseconds since 1970, as `wallMs`. */
  signingMs(wallMs: number): number {
    return wallMs + this.#offsetMs;
  }

  /**
   * Whether an answer refuses a call for the time of its signature, `signedMs`, which is corrected
   * then: the same call, signed anew, may pass. `wallMs`: the machine's time now.
   */
  corrects(
    answer: { readonly status: number; readonly date: string | undefined },
    signedMs: number,
    wallMs: number,
  ): boolean {
    if (!refusals.has(answer.status) || answer.date === undefined) return false;
    const serverMs = Date.parse(answer.date);
    const offsetMs = serverMs - wallMs;
    if (!(Math.abs(serverMs - signedMs) >= leastSkewMs)) return false;
    if (Math.abs(offsetMs) > longestSkewMs) return false;
    this.#offsetMs = offsetMs;
    const secondsBehind = Math.round(offsetMs / 1_000);
    this.#logger.warn("this machine's clock differs from that of AWS", { secondsBehind });
    return true;
  }
}
