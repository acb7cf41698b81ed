import { failureTreatments } from "@penstock/formats";
import type { FailureClass, HeaderGetter } from "@penstock/formats";
import type { MonotonicMs } from "@penstock/limits";
import type { CompiledDeployment, Snapshot } from "@penstock/snapshot";
import {
  abandonProbe,
  askBreaker,
  beginAttempt,
  recordFailure,
  recordOpenSuccess,
  recordSuccess,
} from "./circuit-breaker.ts";
import { growLimit, shrinkLimit } from "./concurrency-limit.ts";
import {
  abandonCooldownProbe,
  askCooldown,
  beginProbe,
  cool,
  endCooldown,
  isOfCredential,
  liftCooldown,
} from "./cooldown.ts";
import type { Cooldown, CooldownCause } from "./cooldown.ts";
import type { HintedBook } from "./cooldown-hints.ts";
import { CooldownScopes } from "./cooldown-scopes.ts";
import { failureEffects } from "./failure-effects.ts";
import type { Effect } from "./failure-effects.ts";
import { HintedCooldowns } from "./hinted-cooldowns.ts";
import { beginOpenTry, endOpenTry, mayTryOpen } from "./open-tries.ts";
import type {
  Admission,
  BreakerEvent,
  HealthRefusal,
  TargetHealthInfo,
  TargetOutcome,
} from "./target-outcome.ts";
import {
  adopt,
  createHealth,
  identityOf,
  observeLatency,
  penaltyMs,
  scopeNamesOf,
} from "./target-record.ts";
import type { TargetHealth } from "./target-record.ts";

/** Health of all targets of a router, by deployment, and of what deployments share. */
export class TargetHealthBook implements HintedBook {
  /** Hears what begins to cool down. */
  onCooling: HintedBook["onCooling"];
  /** Hears of breakers that open and close. */
  onBreaker: ((event: BreakerEvent) => void) | undefined;
  readonly #hints = new HintedCooldowns();
  readonly #targets = new Map<string, TargetHealth>();
  readonly #scopes = new CooldownScopes();
  readonly #random: () => number;

  /** `random` gives numbers from 0 to below 1, for the jitter of breakers. */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** Whether the deployment may be asked now. Without side effects: `began` takes the place. */
  admit(deployment: CompiledDeployment, now: MonotonicMs): Admission {
    const health = this.#of(deployment, now);
    const shared = this.#scopes.refusal(health.scopes, now);
    if (shared !== undefined) {
      if (shared.verdict === "probing") return refuse("probing", undefined);
      return refuse(reasonOf(shared.cooldown, shared.scope === "key"), shared.cooldown.until);
    }
    const cooling = askCooldown(health.cooldown, now);
    if (cooling === "cooling") {
      return refuse(reasonOf(health.cooldown, false), health.cooldown.until);
    }
    if (cooling === "probing") return refuse("probing", undefined);
    const hintedUntil = this.#hints.until(health.hintKeys, now);
    if (hintedUntil !== undefined) return refuse("hinted", hintedUntil);
    const breaker = askBreaker(health.breaker, now);
    if (breaker === "open") return refuse("breaker_open", health.breaker.openUntil);
    if (breaker === "probing") return refuse("probing", undefined);
    if (health.inFlight >= health.concurrency.limit) return refuse("full", undefined);
    const usedUpUntil = health.limits?.usedUpUntil ?? -Infinity;
    if (now < usedUpUntil) return refuse("limit_reached", usedUpUntil as MonotonicMs);
    return admitted;
  }

  /** Whether a target whose breaker is open may be asked, as nothing else can be. */
  mayTryOpen(deployment: CompiledDeployment, now: MonotonicMs): boolean {
    return mayTryOpen(this.#of(deployment, now).openTries, now, this.#random);
  }

  /** The head of an answer has come, which may tell of its provider's limits. */
  heardHead(deployment: CompiledDeployment, header: HeaderGetter, now: MonotonicMs): void {
    const health = this.#targets.get(deployment.name);
    if (health?.limits !== undefined) health.limits.hear(header, now);
  }

  hint(key: string, untilMs: number, now: MonotonicMs): boolean {
    return this.#hints.offer(key, untilMs, now);
  }

  /**
   * An attempt starts. Each `began` is followed by one `ended`, which is told what this gives: true
   * when the attempt is made although the breaker of its target is open.
   */
  began(deployment: CompiledDeployment, now: MonotonicMs): boolean {
    const health = this.#of(deployment, now);
    health.inFlight += 1;
    const isOpenTry = askBreaker(health.breaker, now) === "open";
    if (isOpenTry) beginOpenTry(health.openTries, now);
    beginAttempt(health.breaker, now);
    beginProbe(health.cooldown, now);
    const probes = this.#scopes.begin(health.scopes, now);
    if (probes.length > 0) health.probes = [...health.probes, ...probes];
    return isOpenTry;
  }

  /** An attempt ended. */
  ended(deployment: CompiledDeployment, outcome: TargetOutcome, now: MonotonicMs): void {
    const health = this.#targets.get(deployment.name);
    if (health === undefined) return;
    health.inFlight = Math.max(0, health.inFlight - 1);
    // Long streams end under an older configuration: they say nothing about another target.
    if (health.deployment !== deployment && identityOf(deployment) !== health.identity) return;
    if (outcome.isOpenTry === true) endOpenTry(health.openTries);
    const effect = failureEffects[outcome.class];
    if (effect === "success") {
      if (outcome.isOpenTry === true) recordOpenSuccess(health.breaker, now);
      this.#succeeded(health, outcome, now);
    } else if (effect === "neutral") this.#abandonProbes(health);
    else this.#failed(health, effect, outcome, now);
  }

  /** A call beside the attempts met a refused credential, which is the one of the attempts. */
  credentialRefused(deployment: CompiledDeployment, said: string, now: MonotonicMs): void {
    this.#cool(this.#of(deployment, now), "refused", { class: "AUTH_FAILED", said }, now);
  }

  /** Another secret stands behind the reference: what was refused to the old one is asked again. */
  credentialChanged(reference: string): void {
    for (const health of this.#targets.values()) {
      if (health.deployment.provider.credential !== reference) continue;
      this.#scopes.credentialChanged(health.scopes);
      if (isOfCredential(health.cooldown)) liftCooldown(health.cooldown);
    }
  }

  /** Smoothed time to first content, 5 s for each failure; 0 when nothing is known. */
  firstTokenMs(deployment: CompiledDeployment): number {
    return this.#targets.get(deployment.name)?.firstTokenMs ?? 0;
  }

  inFlight(deployment: CompiledDeployment): number {
    return this.#targets.get(deployment.name)?.inFlight ?? 0;
  }

  /** Monotonic time of the last failure, -Infinity when there was none. For the panic rule. */
  lastFailureMs(deployment: CompiledDeployment): number {
    return this.#targets.get(deployment.name)?.lastFailure ?? -Infinity;
  }

  /** All deployments that were asked about, by name. */
  list(now: MonotonicMs): TargetHealthInfo[] {
    return [...this.#targets.values()]
      .map((health) => ({
        deployment: health.name,
        admission: this.admit(health.deployment, now),
        refusal: this.#refusalOf(health, now),
        inFlight: health.inFlight,
        concurrencyLimit: health.concurrency.limit,
        consecutiveFailures: Math.floor(health.breaker.consecutiveFailures),
        firstTokenMs: health.firstTokenMs === 0 ? undefined : health.firstTokenMs,
        limits: health.limits?.amounts,
      }))
      .sort((a, b) => (a.deployment < b.deployment ? -1 : 1));
  }

  /** Forgets deployments and credentials that the snapshot does not have. */
  retain(snapshot: Pick<Snapshot, "deployments">): void {
    const names = new Set<string>();
    for (const deployment of snapshot.deployments.values()) {
      for (const name of Object.values(scopeNamesOf(deployment))) names.add(name);
    }
    for (const [name, health] of this.#targets) {
      if (health.inFlight === 0 && !snapshot.deployments.has(name)) this.#targets.delete(name);
    }
    this.#scopes.retain(names);
  }

  #of(deployment: CompiledDeployment, now: MonotonicMs): TargetHealth {
    const known = this.#targets.get(deployment.name);
    if (known === undefined) {
      const health = createHealth(deployment, now);
      this.#targets.set(deployment.name, health);
      return health;
    }
    if (known.deployment !== deployment) {
      adopt(known, deployment, now);
      // A probe under way may be of the old credential, which others may use still.
      const names = Object.values(known.scopes);
      if (known.probes.some((name) => !names.includes(name))) this.#abandonShared(known);
    }
    return known;
  }

  #refusalOf(health: TargetHealth, now: MonotonicMs): string {
    const shared = this.#scopes.refusal(health.scopes, now)?.cooldown;
    const cooldown = shared ?? health.cooldown;
    const verdict = askCooldown(cooldown, now);
    if (verdict === "free" || verdict === "probe") return "";
    return isOfCredential(cooldown) ? cooldown.said : "";
  }

  #succeeded(health: TargetHealth, outcome: TargetOutcome, now: MonotonicMs): void {
    // While a probe runs, whatever of the target succeeds counts as it: evidence is evidence.
    if (recordSuccess(health.breaker, now, health.breaker.probeInFlight)) {
      this.onBreaker?.({ state: "closed", deployment: health.name });
    }
    endCooldown(health.cooldown, now);
    this.#scopes.succeeded(health.scopes, now);
    health.probes = [];
    growLimit(health.concurrency);
    if (outcome.firstTokenMs !== undefined) observeLatency(health, outcome.firstTokenMs);
  }

  #abandonProbes(health: TargetHealth): void {
    abandonProbe(health.breaker);
    abandonCooldownProbe(health.cooldown);
    this.#abandonShared(health);
  }

  #abandonShared(health: TargetHealth): void {
    this.#scopes.abandon(health.probes);
    health.probes = [];
  }

  #failed(health: TargetHealth, effect: Effect, outcome: TargetOutcome, now: MonotonicMs): void {
    const probe = health.breaker.probeInFlight;
    this.#abandonProbes(health);
    observeLatency(health, penaltyMs);
    if (effect === "failure" || effect === "overloaded") {
      health.lastFailure = now;
      const weight = effect === "failure" ? 1 : 0.5;
      const opened = recordFailure(health.breaker, now, { weight, probe, random: this.#random() });
      if (opened) this.#tellOpen(health, classOf(outcome), now);
    }
    if (effect === "overloaded" || effect === "rate_limited") shrinkLimit(health.concurrency, now);
    this.#cool(health, effect, outcome, now);
  }

  #tellOpen({ name, breaker }: TargetHealth, failure: FailureClass, now: MonotonicMs): void {
    const { openUntil, openings } = breaker;
    const retryInMs = Math.round(openUntil - now);
    this.onBreaker?.({ state: "open", deployment: name, class: failure, retryInMs, openings });
  }

  #cool(health: TargetHealth, effect: Effect, outcome: TargetOutcome, now: MonotonicMs): void {
    const { retryAfterMs, said } = outcome;
    // A provider that fails and says for how long is not asked before, either.
    const told = effect === "failure" && retryAfterMs !== undefined;
    const cause = told ? "load" : causes[effect];
    const scope = outcome.cooldown ?? failureTreatments[classOf(outcome)].cooldown;
    if (cause === undefined || scope === "none") return;
    const isOwn = scope === "deployment";
    const of = isOwn ? health.cooldown : this.#scopes.of(health.scopes[scope]);
    cool(of, now, cause, { retryAfterMs, random: this.#random(), said });
    const name = isOwn ? health.identity : health.scopes[scope];
    this.onCooling?.({ scope, name, cause, untilMs: of.until });
  }
}

/** What cools by its effect. A failure alone is for the breaker. */
const causes: Partial<Record<Effect, CooldownCause>> = {
  rate_limited: "limit",
  overloaded: "load",
  used_up: "used_up",
  refused: "refused",
};

function classOf({ class: outcome }: TargetOutcome): FailureClass {
  return outcome === "OK" ? "CANCELLED" : outcome;
}

function reasonOf({ cause }: Cooldown, ofKey: boolean): HealthRefusal {
  if (cause === "used_up") return "used_up";
  if (cause === "refused") return ofKey ? "credential_refused" : "deployment_refused";
  return "cooldown";
}

const admitted: Admission = { ok: true };

function refuse(reason: HealthRefusal, untilMs: MonotonicMs | undefined): Admission {
  return { ok: false, reason, untilMs };
}
