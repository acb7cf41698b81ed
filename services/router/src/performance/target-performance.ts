import type { FailureClass } from "@penstock/formats";
import type { CompiledDeployment, Snapshot } from "@penstock/snapshot";
import { failureEffects } from "../health/failure-effects.ts";
import { identityOf } from "../health/target-record.ts";
import { TargetWindows } from "./target-windows.ts";
import type { WindowSummary } from "./target-windows.ts";

/** What a failure counts as, so that failing quickly is not attractive (reliability §2.5). */
const failureMs = 5_000;
const smoothing = 0.2;
/** Answers shorter than this say little about speed. */
const leastTokens = 8;
const leastWritingMs = 20;

/** How one attempt ended. */
export interface EndedAttempt {
  readonly class: FailureClass | "OK";
  readonly stream: boolean;
  readonly firstTokenMs: number | undefined;
  readonly durationMs: number;
  readonly outputTokens: number;
}

/** What a choice by latency looks at. */
export interface Latency {
  /** Smoothed time to the first content, failures at 5 s. Undefined: nothing is known. */
  readonly firstTokenMs: number | undefined;
  /** Since something was heard last; Infinity: nothing ever. Unit: milliseconds. */
  readonly quietMs: number;
}

interface Smoothed {
  firstTokenMs: number;
  heardAt: number;
}

interface Performance {
  deployment: CompiledDeployment;
  identity: string;
  windows: TargetWindows;
  /** Whole answers come later than first pieces: each kind is compared with its own. */
  stream: Smoothed | undefined;
  whole: Smoothed | undefined;
}

const unheard: Latency = { firstTokenMs: undefined, quietMs: Infinity };

/** How fast and how well each deployment answers, as this router sees it. */
export class TargetPerformanceBook {
  readonly #targets = new Map<string, Performance>();
  /** Those of the newest configuration; undefined before the first. */
  #configured: Snapshot["deployments"] | undefined;

  /** An attempt ended; what its caller caused says nothing. `now` is monotonic. */
  ended(deployment: CompiledDeployment, attempt: EndedAttempt, now: number): void {
    const effect = failureEffects[attempt.class];
    if (effect === "neutral" || this.#isGone(deployment)) return;
    const failed = effect !== "success";
    const target = this.#of(deployment);
    const { firstTokenMs } = attempt;
    target.windows.record(
      {
        failed,
        firstTokenMs: failed ? undefined : firstTokenMs,
        tokensPerSecond: failed ? undefined : speedOf(attempt),
      },
      now,
    );
    const sampleMs = failed ? failureMs : firstTokenMs;
    if (sampleMs === undefined) return;
    const kind = attempt.stream ? "stream" : "whole";
    const known = target[kind];
    if (known === undefined) target[kind] = { firstTokenMs: sampleMs, heardAt: now };
    else {
      known.firstTokenMs += smoothing * (sampleMs - known.firstTokenMs);
      known.heardAt = now;
    }
  }

  latency(deployment: CompiledDeployment, stream: boolean, now: number): Latency {
    const target = this.#known(deployment);
    const smoothed = stream ? target?.stream : target?.whole;
    if (smoothed === undefined) return unheard;
    return { firstTokenMs: smoothed.firstTokenMs, quietMs: now - smoothed.heardAt };
  }

  /** Median of the last hour's streamed answers. Undefined: there were none. */
  tokensPerSecond(deployment: CompiledDeployment, now: number): number | undefined {
    return this.#known(deployment)?.windows.tokensPerSecond(now);
  }

  /** The windows of one deployment by its name; empty when it was never asked. */
  windows(deployment: string, now: number): WindowSummary[] {
    return this.#targets.get(deployment)?.windows.summaries(now) ?? [];
  }

  /** Names of the deployments that were asked, in order. */
  names(): string[] {
    return [...this.#targets.keys()].toSorted();
  }

  /** Forgets deployments that the snapshot does not have. */
  retain(snapshot: Pick<Snapshot, "deployments">): void {
    this.#configured = snapshot.deployments;
    for (const name of this.#targets.keys()) {
      if (!snapshot.deployments.has(name)) this.#targets.delete(name);
    }
  }

  /** Long streams end under an older configuration: they say nothing about another target. */
  #isGone(deployment: CompiledDeployment): boolean {
    if (this.#configured === undefined) return false;
    const now = this.#configured.get(deployment.name);
    if (now === deployment) return false;
    return now === undefined || identityOf(now) !== identityOf(deployment);
  }

  /** What is known of it as it is configured now. */
  #known(deployment: CompiledDeployment): Performance | undefined {
    const known = this.#targets.get(deployment.name);
    if (known === undefined || known.deployment === deployment) return known;
    return known.identity === identityOf(deployment) ? known : undefined;
  }

  #of(deployment: CompiledDeployment): Performance {
    const known = this.#known(deployment);
    if (known !== undefined) {
      known.deployment = deployment;
      return known;
    }
    const made: Performance = {
      deployment,
      identity: identityOf(deployment),
      windows: new TargetWindows(),
      stream: undefined,
      whole: undefined,
    };
    this.#targets.set(deployment.name, made);
    return made;
  }
}

function speedOf(attempt: EndedAttempt): number | undefined {
  const { stream, firstTokenMs, durationMs, outputTokens } = attempt;
  if (!stream || firstTokenMs === undefined || outputTokens < leastTokens) return undefined;
  const writingMs = durationMs - firstTokenMs;
  return writingMs < leastWritingMs ? undefined : (outputTokens * 1_000) / writingMs;
}
