import type { Logger } from "@penstock/observability";
import type { Clock, Timer } from "@penstock/runtime";
import type { ResourceProblem } from "@penstock/snapshot";

import { CrashGuard, healthyAfterMs } from "./crash-guard.ts";
import type { Position } from "./head-order.ts";

type Place = Pick<Position, "epoch" | "revision">;

/** What a probation needs. */
export interface CrashProbationOptions {
  /** Where the guard keeps its marker. */
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A revision that was refused may be loaded again. */
  onChance(): void;
}

/**
 * Runs the crash guard by the clock: a revision that lives for 10 s after it was put in use is
 * healthy, one that is suspect is refused until its pause is over. A disk that cannot be written
 * must not keep a configuration from being applied: then nothing is suspect.
 */
export class CrashProbation {
  readonly #options: CrashProbationOptions;
  readonly #guard: CrashGuard | undefined;
  #health: Timer | undefined;
  #chance: Timer | undefined;
  #refused: Place | undefined;

  constructor(options: CrashProbationOptions) {
    this.#options = options;
    this.#guard = this.#guarded(() => new CrashGuard(options.folder));
  }

  isSuspect({ epoch, revision }: Place): boolean {
    return this.#guard?.isSuspect(epoch, revision) === true;
  }

  /** To be called before a revision is put in use. */
  begin({ epoch, revision }: Place): void {
    this.#cancel();
    this.#refused = undefined;
    this.#guarded(() => this.#guard?.begin(epoch, revision));
    this.#health = this.#options.clock.schedule(healthyAfterMs, () => {
      this.#guarded(() => this.#guard?.provedHealthy());
    });
  }

  /** Notes that the newest revision is not used; answers false when that was known. */
  refuse({ epoch, revision }: Place): boolean {
    const known = this.#refused;
    if (known?.epoch === epoch && known.revision === revision) return false;
    this.#refused = { epoch, revision };
    this.#chance?.cancel();
    const pauseMs = this.#guard?.pauseMs(epoch, revision) ?? 0;
    const { clock, logger, onChance } = this.#options;
    this.#chance = clock.schedule(pauseMs, () => {
      this.#guard?.giveChance(epoch, revision);
      onChance();
    });
    const again = pauseMs / 1_000;
    logger.error("a configuration is suspected of crashing", { epoch, revision, again_s: again });
    return true;
  }

  /** What the status says of a refused revision. */
  problem(): ResourceProblem | undefined {
    if (this.#refused === undefined) return undefined;
    const description = "crash_suspected: it was in use when the process died";
    return { name: "head", revision: this.#refused.revision, field: "", description };
  }

  /** The process ends as it should. */
  close(): void {
    this.#cancel();
    this.#guarded(() => this.#guard?.end());
  }

  #cancel(): void {
    this.#health?.cancel();
    this.#chance?.cancel();
  }

  #guarded<Value>(run: () => Value): Value | undefined {
    try {
      return run();
    } catch (error) {
      this.#options.logger.error("the crash guard cannot be written", { error });
      return undefined;
    }
  }
}
