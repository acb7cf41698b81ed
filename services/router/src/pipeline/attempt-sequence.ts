import { AttemptKind } from "@penstock/api";
import type { MonotonicMs } from "@penstock/limits";
import type { AttemptTimeouts, CompiledTarget } from "@penstock/snapshot";
import { vendorKeyOf } from "../health/target-record.ts";
import type { AttemptFailure } from "./attempt-failure.ts";
import type { AttemptRun } from "./attempt-run.ts";
import { shareDeadline } from "./attempt-share.ts";
import { decideNextAttempt } from "./decide-next-attempt.ts";
import type { NextAttempt } from "./decide-next-attempt.ts";
import { nextTargets } from "./next-targets.ts";
import { passOver } from "./no-target-error.ts";
import type { PipelineParts } from "./pipeline-parts.ts";
import type { AttemptPlan } from "./plan-attempts.ts";
import type { RequestContext } from "./request-context.ts";
import { withOneMore } from "./with-one-more.ts";

/** An attempt that failed. */
export interface EndedAttempt {
  readonly failure: AttemptFailure;
  readonly committed: boolean;
  /** What it is taken to have cost. Unit: nano-USD; 0 when nothing. */
  readonly costNanoUsd: bigint;
}

const none: readonly string[] = [];

/** Where a request stands in its plan: which target is next, and as what. */
export class AttemptSequence {
  readonly #context: RequestContext;
  readonly #parts: Pick<PipelineParts, "clock" | "retryBudgets" | "random">;
  readonly #maxAttempts: number;
  readonly #models: AttemptPlan["models"];
  #targets: readonly CompiledTarget[];
  #at = 0;
  #onTarget = 0;
  #begun = 0;
  #kind: AttemptKind = AttemptKind.PRIMARY;
  /** Vendors that have been called for the request. */
  #vendors: readonly string[] = none;

  constructor(
    context: RequestContext,
    parts: Pick<PipelineParts, "clock" | "retryBudgets" | "random">,
    plan: AttemptPlan,
  ) {
    this.#context = context;
    this.#parts = parts;
    this.#targets = plan.targets;
    this.#models = plan.models;
    this.#maxAttempts = plan.maxAttempts;
  }

  /** Whose turn it is; undefined: nobody's any more. */
  get target(): CompiledTarget | undefined {
    return this.#targets[this.#at];
  }

  /** Planned behind the one whose turn it is. */
  get remaining(): readonly CompiledTarget[] {
    return this.#targets.slice(this.#at + 1);
  }

  /** Why the next attempt is made. */
  get kind(): AttemptKind {
    return this.#kind;
  }

  /** The turn goes to the next target. */
  skip(): void {
    this.#at += 1;
    this.#onTarget = 0;
    if (this.#context.attempts.length > 0) this.#kind = AttemptKind.FALLBACK;
  }

  /** The target whose turn it is gets it behind all others, and the next one has it now. */
  postpone(): void {
    const { target } = this;
    if (target === undefined) return;
    this.#targets = [...this.#targets.slice(0, this.#at), ...this.remaining, target];
  }

  /** Attempts that have begun. */
  get begun(): number {
    return this.#begun;
  }

  /** The model of the request's that a target was planned for. */
  modelOf(target: CompiledTarget): string {
    return this.#models?.get(target) ?? this.#context.request?.model ?? "";
  }

  /** An attempt on the target begins. */
  began({ target, kind, startMs }: Pick<AttemptRun, "target" | "kind" | "startMs">): void {
    this.#begun += 1;
    if (kind !== AttemptKind.HEDGE) this.#onTarget += 1;
    const now = startMs;
    const { retryBudgets } = this.#parts;
    const onTarget = retryBudgets.ofTarget(target.deployment.name);
    if (kind === AttemptKind.RETRY) {
      onTarget.retry(now);
      return;
    }
    onTarget.attempt(now);
    const vendor = vendorKeyOf(target.deployment);
    const ofVendor = retryBudgets.ofVendor(vendor);
    if (this.#vendors.includes(vendor)) {
      ofVendor.retry(now);
      return;
    }
    this.#vendors = withOneMore(this.#vendors, vendor);
    ofVendor.attempt(now);
  }

  /** The target's timers, within its part of the time that is left. */
  timeoutsOf(target: CompiledTarget, now: MonotonicMs): AttemptTimeouts {
    const { deadlineMs } = this.#context;
    const left = this.#targets.length - this.#at - 1;
    const others = Math.min(left, this.#maxAttempts - this.#begun - 1);
    return shareDeadline(target.timeouts, deadlineMs - now, others);
  }

  /**
   * Who may be asked beside the one under way: the next planned target of a vendor that was not
   * called yet, for the same model, and only while there is room for retries, which come first.
   * Undefined: nobody.
   */
  standIn(isFree: (target: CompiledTarget) => boolean): CompiledTarget | undefined {
    const { target } = this;
    const { clock, retryBudgets } = this.#parts;
    if (target === undefined || this.#begun >= this.#maxAttempts) return undefined;
    const now = clock.monotonicMs();
    const { deployment } = target;
    const hasRoom =
      retryBudgets.ofTarget(deployment.name).hasRoom(now) &&
      retryBudgets.ofVendor(vendorKeyOf(deployment)).hasRoom(now) &&
      retryBudgets.spend.hasRoom(now, 1n);
    if (!hasRoom) return undefined;
    return this.remaining.find(
      (other) =>
        this.modelOf(other) === this.modelOf(target) &&
        !this.#vendors.includes(vendorKeyOf(other.deployment)) &&
        isFree(other),
    );
  }

  /** A target is asked beside the one whose turn it is: its own turn does not come any more. */
  setAside(target: CompiledTarget): void {
    this.#targets = this.#targets.filter((one) => one !== target);
  }

  /** One of two attempts failed: it is the other one's turn. */
  goOnWith(other: CompiledTarget, failed: CompiledTarget, ended: EndedAttempt): void {
    const { retryBudgets, clock } = this.#parts;
    const spendBudget = retryBudgets.spend.hasRoom(clock.monotonicMs(), ended.costNanoUsd);
    const remaining = this.#narrow(failed, ended, spendBudget);
    if (other !== this.target) this.#onTarget = 1;
    this.#targets = [...this.#targets.slice(0, this.#at), other, ...remaining];
  }

  /** What a failure of the target leaves of those behind it; the others are noted. */
  #narrow(
    failed: CompiledTarget,
    { failure, committed }: EndedAttempt,
    spendBudget: boolean,
  ): readonly CompiledTarget[] {
    const context = this.#context;
    const ofVendor = this.#parts.retryBudgets.ofVendor(vendorKeyOf(failed.deployment));
    const { targets, dropped } = nextTargets({
      failed,
      failure,
      remaining: this.remaining,
      contentFilterFallback: context.route?.contentFilterFallback ?? false,
      orderWished: (context.wishes?.rank.size ?? 0) > 0,
      modelOf: (target) => this.#models?.get(target),
      vendorBudget: spendBudget && ofVendor.hasRoom(this.#parts.clock.monotonicMs()),
      attemptsLeft: this.#maxAttempts - this.#begun,
    });
    if (!committed) for (const one of dropped) passOver(context, one.target, one);
    return targets;
  }

  /** Decides what follows a failure of the target; targets that it rules out are dropped. */
  afterFailure(failed: CompiledTarget, ended: EndedAttempt): NextAttempt {
    const { failure, costNanoUsd } = ended;
    const context = this.#context;
    const { clock, retryBudgets, random } = this.#parts;
    const now = clock.monotonicMs();
    const { deployment } = failed;
    const spendBudget = retryBudgets.spend.hasRoom(now, costNanoUsd);
    const remaining = this.#narrow(failed, ended, spendBudget);
    this.#targets = [...this.#targets.slice(0, this.#at + 1), ...remaining];
    const next = decideNextAttempt({
      class: failure.class,
      actions: failure.actions,
      committed: ended.committed,
      retryAfterMs: failure.retryAfterMs,
      attempts: this.#begun,
      attemptsOnTarget: this.#onTarget,
      maxAttempts: this.#maxAttempts,
      lastTarget: remaining.length === 0,
      remainingMs: context.deadlineMs - now,
      retryBudget: spendBudget && retryBudgets.ofTarget(deployment.name).hasRoom(now),
      random: random(),
    });
    const [after] = remaining;
    const isFallback = next.kind === "fallback" && after !== undefined;
    const vendor = vendorKeyOf(deployment);
    const repeats = isFallback ? vendorKeyOf(after.deployment) === vendor : next.kind === "retry";
    if (repeats) retryBudgets.spend.repeat(now, costNanoUsd);
    if (next.kind === "retry") this.#kind = AttemptKind.RETRY;
    return next;
  }
}
