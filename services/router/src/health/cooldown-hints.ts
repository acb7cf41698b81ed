import { createHash } from "node:crypto";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { CooldownHintSchema } from "@penstock/api";
import type { BucketEntry, Bus, Watch } from "@penstock/bus";
import type { CooldownScope } from "@penstock/formats";
import type { MonotonicMs } from "@penstock/limits";
import type { Counter, Observability } from "@penstock/observability";
import type { Clock } from "@penstock/runtime";
import type { CooldownCause } from "./cooldown.ts";
import { longestHintMs } from "./hinted-cooldowns.ts";

/** Something began to cool down. */
export interface CoolingEvent {
  readonly scope: Exclude<CooldownScope, "none">;
  /** What is meant, the same in all routers of a configuration; see `scopeNamesOf`. */
  readonly name: string;
  readonly cause: CooldownCause;
  readonly untilMs: MonotonicMs;
}

/** Who has cooldowns and believes hints. */
export interface HintedBook {
  onCooling: ((event: CoolingEvent) => void) | undefined;
  /** Takes another router's hint; false: not believed. */
  hint(key: string, untilMs: number, now: MonotonicMs): boolean;
}

/** What hints are exchanged with. */
export interface CooldownHintsOptions {
  readonly bucket: Bus["hints"];
  readonly book: HintedBook;
  /** Name of this router, or of its worker. */
  readonly replica: string;
  readonly clock: Clock;
  readonly observability: Pick<Observability, "logger" | "metrics">;
}

/** Shorter than that is over before others have heard of it. */
const leastHintMs = 1_000;
/** Hints that one router sends in a second; what is above is for each to find out. */
const mostPerSecond = 20;

/**
 * The key of something on the bus: its scope, and a hash, since names hold addresses and where
 * secrets are.
 */
export function hintKey(scope: string, name: string): string {
  return `${scope}.${createHash("sha256").update(name).digest("hex").slice(0, 32)}`;
}

/**
 * Tells other routers what providers asked this one to leave alone, and hears it from them. A
 * convenience: whatever goes wrong with it is counted, and each router learns by itself.
 */
export class CooldownHints {
  readonly #options: CooldownHintsOptions;
  readonly #sent: Counter;
  readonly #heard: Counter;
  readonly #abort = new AbortController();
  #watch: Promise<Watch | undefined> | undefined;
  #second = 0;
  #inSecond = 0;
  #warned = false;

  constructor(options: CooldownHintsOptions) {
    this.#options = options;
    const { metrics } = options.observability;
    this.#sent = metrics.counter(
      "penstock_cooldown_hints_sent_total",
      "Hints to other routers about what providers asked to be left alone, by result.",
      ["result"],
    );
    this.#heard = metrics.counter(
      "penstock_cooldown_hints_heard_total",
      "Hints of other routers about what providers asked to be left alone, by result.",
      ["result"],
    );
  }

  /** Does not wait for the bus. */
  start(): void {
    const { bucket, book } = this.#options;
    book.onCooling = (event) => this.#tell(event);
    const { signal } = this.#abort;
    this.#watch = bucket
      .watch({
        signal,
        onEntry: (entry) => this.#hear(entry),
        onProblem: (error) => this.#warn(error),
      })
      .catch((error: unknown) => {
        this.#warn(error);
        return undefined;
      });
  }

  async close(): Promise<void> {
    this.#options.book.onCooling = undefined;
    this.#abort.abort();
    await (await this.#watch)?.close();
  }

  #tell({ scope, name, cause, untilMs }: CoolingEvent): void {
    // Whether a credential is refused may be a matter of the router's own files.
    if (cause === "refused") return;
    const { bucket, clock, replica } = this.#options;
    const restMs = untilMs - clock.monotonicMs();
    if (restMs < leastHintMs || !this.#isRareEnough()) return;
    const untilTime = timestampFromMs(Math.ceil(clock.wallMs() + Math.min(restMs, longestHintMs)));
    const hint = create(CooldownHintSchema, { replica, untilTime, cause });
    bucket.put(hintKey(scope, name), toBinary(CooldownHintSchema, hint)).then(
      () => this.#sent.add(1, "sent"),
      () => this.#sent.add(1, "failed"),
    );
  }

  #hear({ key, value, deleted }: BucketEntry): void {
    if (deleted) return;
    const { book, clock, replica } = this.#options;
    let untilMs = Number.NaN;
    try {
      const hint = fromBinary(CooldownHintSchema, value);
      if (hint.replica === replica) return;
      if (hint.untilTime !== undefined) untilMs = timestampMs(hint.untilTime);
    } catch {
      // Foreign bytes are as good as no time.
    }
    const now = clock.monotonicMs();
    const believed = book.hint(key, now + (untilMs - clock.wallMs()), now);
    this.#heard.add(1, believed ? "believed" : "ignored");
  }

  #isRareEnough(): boolean {
    const second = Math.floor(this.#options.clock.monotonicMs() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inSecond = 0;
    }
    this.#inSecond += 1;
    return this.#inSecond <= mostPerSecond;
  }

  #warn(error: unknown): void {
    if (this.#warned || this.#abort.signal.aborted) return;
    this.#warned = true;
    const { logger } = this.#options.observability;
    logger.warn("hints of other routers can't be followed; each learns by itself", { error });
  }
}
