import type { Clock } from "@penstock/runtime";
import type { Logger } from "./logger.ts";

/** A warning about lost spans stands in the log at most once in this time. */
const warningIntervalMs = 60_000;

interface ExportNewsOptions {
  readonly logger: Logger;
  readonly clock: Pick<Clock, "monotonicMs">;
  /** Of the collector, as people may see it. */
  readonly address: string;
}

/** Tells the log when spans get lost, how many and why, and when they arrive again. */
export class ExportNews {
  readonly #options: ExportNewsOptions;
  #warnedAtMs = -Infinity;
  #lost = 0;
  /** Whether the log's last word is that spans are lost. */
  #isFailing = false;

  constructor(options: ExportNewsOptions) {
    this.#options = options;
  }

  /** `spans` were lost; 0 for what went wrong otherwise. */
  lost(spans: number, error: unknown): void {
    const { logger, clock, address } = this.#options;
    this.#lost += spans;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#warnedAtMs < warningIntervalMs) return;
    this.#warnedAtMs = nowMs;
    this.#isFailing = true;
    logger.warn("spans were not delivered", { address, lost: this.#lost, ...causeOf(error) });
  }

  /** The collector took some. */
  delivered(): void {
    if (this.#lost === 0) return;
    const { logger, address } = this.#options;
    if (this.#isFailing) logger.info("spans are delivered again", { address, lost: this.#lost });
    this.#isFailing = false;
    this.#lost = 0;
  }
}

/** A name with several addresses fails once for each, under an error without a message. */
function causeOf(error: unknown): Readonly<Record<string, unknown>> {
  if (!(error instanceof Error)) return { cause: String(error) };
  const inner = error instanceof AggregateError && error.message === "" ? error.errors[0] : error;
  const told: unknown = inner instanceof Error ? inner : error;
  const { message = "", code } = told as { readonly message?: string; readonly code?: unknown };
  // A number is the status of an answer.
  const status = typeof code === "number" ? { status: code } : {};
  return { cause: message || String(code ?? "unknown"), ...status };
}
