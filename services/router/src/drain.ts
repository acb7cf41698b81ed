import { GatewayError } from "@penstock/errors";
import type { Clock, Timer } from "@penstock/runtime";

/** How often is looked whether the last request has ended. */
const pollMs = 20;
/** Time that is kept for telling callers how their requests ended, also by a busy machine. */
const farewellMs = 5_000;
/** The same where somebody hurries. */
const hurriedFarewellMs = 1_000;

/** What a drain does to a router, step by step. */
export interface DrainSteps {
  /** Requests that are open now. */
  open(): number;
  /** Load balancers hear that they should send calls elsewhere; what still comes is accepted. */
  announce(): void;
  /**
   * Takes nothing new from now on; connections that are idle are ended, the others asked to end.
   * Resolves when none is left that has something to say.
   */
  closeDoors(): Promise<void>;
  /** Ends every open request with the error; each is settled. */
  interruptAll(error: GatewayError): void;
  /** Cuts what is left of connections. */
  cut(): void;
}

/**
 * The end of a router (reliability §2.7): announced at once, so that load balancers turn away; still
 * accepting for `graceMs`, since they need time; then only what is open runs on, until the deadline
 * at most. Asked again, the deadline comes nearer and nothing new is accepted any more.
 */
export class Drain {
  readonly #clock: Clock;
  readonly #steps: DrainSteps;
  readonly #graceMs: number;
  #endMs = Infinity;
  #graceEndMs = 0;
  #hurried = false;
  #ended: Promise<void> | undefined;

  constructor(clock: Clock, steps: DrainSteps, graceMs: number) {
    this.#clock = clock;
    this.#steps = steps;
    this.#graceMs = graceMs;
  }

  /** When it is to be over, on the monotonic clock; Infinity before it began. */
  get endMs(): number {
    return this.#endMs;
  }

  /** Resolves when no request is open and every connection is ended or cut. */
  run(deadlineMs: number): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    this.#endMs = Math.min(this.#endMs, nowMs + deadlineMs);
    if (this.#ended === undefined) {
      this.#graceEndMs = nowMs + Math.min(this.#graceMs, deadlineMs);
      this.#ended = this.#drain();
    } else {
      this.#graceEndMs = nowMs;
      this.#hurried = true;
    }
    return this.#ended;
  }

  async #drain(): Promise<void> {
    this.#steps.announce();
    await this.#until(() => this.#clock.monotonicMs() >= this.#graceEndMs);
    const closed = this.#steps.closeDoors();
    await this.#until(() => this.#steps.open() === 0 || this.#clock.monotonicMs() >= this.#endMs);
    if (this.#steps.open() > 0) {
      this.#steps.interruptAll(
        new GatewayError("DRAINING", "The router was shut down before the answer was complete."),
      );
    }
    // What was said last may still be on its way out.
    let quiet = false;
    void closed.then(() => (quiet = true));
    const saidMs = this.#clock.monotonicMs();
    const patienceMs = (): number => (this.#hurried ? hurriedFarewellMs : farewellMs);
    await this.#until(
      () =>
        (quiet && this.#steps.open() === 0) || this.#clock.monotonicMs() >= saidMs + patienceMs(),
    );
    this.#steps.cut();
  }

  #until(reached: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      const look = (): void => {
        timer?.cancel();
        if (reached()) resolve();
        else timer = this.#clock.schedule(pollMs, look);
      };
      look();
    });
  }
}
