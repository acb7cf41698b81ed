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

/** Servers whose clocks are remembered; the one learned first is forgotten for one more. */
const mostOrigins = 256;
/** A clock is told of once in so long at most. Unit: milliseconds. */
const tellIntervalMs = 60_000;

/** The clock of one server. */
interface ServerClock {
  /** How far it is before that of the machine. */
  readonly offsetMs: number;
  /** When it was told of, by the machine's wall clock. */
  readonly toldMs: number;
}

/**
 * How far the machine's clock is from those of the servers that take signatures, as far as their
 * refusals have told. Each is taken at its word for itself only: what one that is no server of AWS
 * says, such as a proxy, must not spoil the signatures for the others.
 */
export class ClockSkew {
  readonly #logger: Pick<Logger, "warn">;
  readonly #clocks = new Map<string, ServerClock>();

  constructor(logger: Pick<Logger, "warn">) {
    this.#logger = logger;
  }

  /** The time to sign with for an origin. Unit: milliseconds since 1970, as `wallMs`. */
  signingMs(origin: string, wallMs: number): number {
    return wallMs + (this.#clocks.get(origin)?.offsetMs ?? 0);
  }

  /**
   * Whether an answer of `origin` refuses a call for the time of its signature, `signedMs`, which is corrected
   * then: the same call, signed anew, may pass. `wallMs`: the machine's time now.
   */
  corrects(
    origin: string,
    answer: { readonly status: number; readonly date: string | undefined },
    signedMs: number,
    wallMs: number,
  ): boolean {
    if (!refusals.has(answer.status) || answer.date === undefined) return false;
    const serverMs = Date.parse(answer.date);
    const offsetMs = serverMs - wallMs;
    if (!(Math.abs(serverMs - signedMs) >= leastSkewMs)) return false;
    if (Math.abs(offsetMs) > longestSkewMs) return false;
    this.#learn(origin, offsetMs, wallMs);
    return true;
  }

  #learn(origin: string, offsetMs: number, wallMs: number): void {
    const toldMs = this.#clocks.get(origin)?.toldMs ?? -Infinity;
    // A clock that was set may be before that time, too.
    const tells = Math.abs(wallMs - toldMs) >= tellIntervalMs;
    this.#clocks.set(origin, { offsetMs, toldMs: tells ? wallMs : toldMs });
    const [first] = this.#clocks.keys();
    if (this.#clocks.size > mostOrigins && first !== undefined) this.#clocks.delete(first);
    if (!tells) return;
    const secondsBehind = Math.round(offsetMs / 1_000);
    this.#logger.warn("this machine's clock differs from that of AWS", { origin, secondsBehind });
  }
}
