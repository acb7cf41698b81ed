import type { MonotonicMs } from "@penstock/limits";
import type { CompiledDeployment } from "@penstock/snapshot";
import type { AttemptFailure } from "../pipeline/attempt-failure.ts";
import { failureEffects } from "./failure-effects.ts";

/** How long an endpoint that failed is left alone: one request in so long waits for it in vain. */
const failedMs = 30_000;
/** The same for one that is not there, or not for this account: only an administrator changes that. */
const refusedMs = 600_000;

/**
 * Which counting endpoints are left alone, and until when. Apart from the health of targets: vendors
 * limit and serve counts apart from answers, so that a failure here says nothing about those. Kept by
 * each router, for the deployment as it is configured now.
 */
export class CountingPauses {
  readonly #until = new WeakMap<CompiledDeployment, number>();

  /** When the endpoint may be asked again; undefined: now. Monotonic. */
  until(deployment: CompiledDeployment, now: MonotonicMs): number | undefined {
    const until = this.#until.get(deployment);
    return until === undefined || until <= now ? undefined : until;
  }

  /** A count failed. What is about the request alone changes nothing. */
  failed(
    deployment: CompiledDeployment,
    failure: Pick<AttemptFailure, "class" | "retryAfterMs">,
    now: MonotonicMs,
  ): void {
    const effect = failureEffects[failure.class];
    if (effect === "success") return;
    if (effect === "neutral" && failure.class !== "UNMAPPED") return;
    const lasts = effect === "refused" || effect === "used_up";
    const pauseMs = failure.retryAfterMs ?? (lasts ? refusedMs : failedMs);
    this.#until.set(deployment, now + Math.min(pauseMs, refusedMs));
  }
}
