import type { MonotonicMs } from "@penstock/limits";
import type { CompiledDeployment, Snapshot } from "@penstock/snapshot";
import {
  abandonProbe,
  askBreaker,
  beginAttempt,
  recordFailure,
  recordSuccess,
} from "./circuit-breaker.ts";
import { growLimit, shrinkLimit } from "./concurrency-limit.ts";
import {
  abandonCooldownProbe,
  askCooldown,
  beginProbe,
  coolOverloaded,
  coolRateLimited,
  createCooldown,
  endCooldown,
  quarantine,
} from "./cooldown.ts";
import type { Cooldown } from "./cooldown.ts";
import { failureEffects } from "./failure-effects.ts";
import type { Effect } from "./failure-effects.ts";
import type {
  Admission,
  HealthRefusal,
  TargetHealthInfo,
  TargetOutcome,
} from "./target-outcome.ts";
import {
  adopt,
  createHealth,
  credentialKeyOf,
  identityOf,
  observeLatency,
  penaltyMs,
} from "./target-record.ts";
import type { TargetHealth } from "./target-record.ts";

/** Health of all targets of a router, by deployment; credentials are shared by deployments. */
export class TargetHealthBook {
  readonly #targets = new Map<string, TargetHealth>();
  readonly #credentials = new Map<string, Cooldown>();
  readonly #random: () => number;

  /** `random` gives numbers from 0 to below 1, for the jitter of breakers. */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** Whether the deployment may be asked now. Without side effects: `began` takes the place. */
  admit(deployment: CompiledDeployment, now: MonotonicMs): Admission {
    const health = this.#of(deployment, now);
    const credential = this.#credentials.get(health.credentialKey);
    if (credential !== undefined) {
      const verdict = askCooldown(credential, now);
      if (verdict === "cooling") return refuse("credential_refused", credential.until);
      if (verdict === "probing") return refuse("probing", undefined);
    }
    const cooling = askCooldown(health.cooldown, now);
    if (cooling === "cooling") {
      const reason = health.cooldown.needsProbe ? "deployment_refused" : "cooldown";
      return refuse(reason, health.cooldown.until);
    }
    if (cooling === "probing") return refuse("probing", undefined);
    const breaker = askBreaker(health.breaker, now);
    if (breaker === "open") return refuse("breaker_open", health.breaker.openUntil);
    if (breaker === "probing") return refuse("probing", undefined);
    if (health.inFlight >= health.concurrency.limit) return refuse("full", undefined);
    return admitted;
  }

  /** An attempt starts. Each `began` is followed by one `ended`. */
  began(deployment: CompiledDeployment, now: MonotonicMs): void {
    const health = this.#of(deployment, now);
    health.inFlight += 1;
    beginAttempt(health.breaker, now);
    beginProbe(health.cooldown, now);
    const credential = this.#credentials.get(health.credentialKey);
    if (credential !== undefined && beginProbe(credential, now)) health.probesCredential = true;
  }

  /** An attempt ended. */
  ended(deployment: CompiledDeployment, outcome: TargetOutcome, now: MonotonicMs): void {
    const health = this.#targets.get(deployment.name);
    if (health === undefined) return;
    health.inFlight = Math.max(0, health.inFlight - 1);
    // Long streams end under an older configuration: they say nothing about another target.
    if (health.deployment !== deployment && identityOf(deployment) !== health.identity) return;
    const effect = failureEffects[outcome.class];
    if (effect === "success") this.#succeeded(health, outcome, now);
    else if (effect === "neutral") this.#abandonProbes(health);
    else this.#failed(health, effect, outcome, now);
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
        inFlight: health.inFlight,
        concurrencyLimit: health.concurrency.limit,
        consecutiveFailures: Math.floor(health.breaker.consecutiveFailures),
        firstTokenMs: health.firstTokenMs === 0 ? undefined : health.firstTokenMs,
      }))
      .sort((a, b) => (a.deployment < b.deployment ? -1 : 1));
  }

  /** Forgets deployments and credentials that the snapshot does not have. */
  retain(snapshot: Pick<Snapshot, "deployments">): void {
    const credentials = new Set<string>();
    for (const deployment of snapshot.deployments.values()) {
      credentials.add(credentialKeyOf(deployment));
    }
    for (const [name, health] of this.#targets) {
      if (health.inFlight === 0 && !snapshot.deployments.has(name)) this.#targets.delete(name);
    }
    for (const key of this.#credentials.keys()) {
      if (!credentials.has(key)) this.#credentials.delete(key);
    }
  }

  #of(deployment: CompiledDeployment, now: MonotonicMs): TargetHealth {
    const known = this.#targets.get(deployment.name);
    if (known === undefined) {
      const health = createHealth(deployment, now);
      this.#targets.set(deployment.name, health);
      return health;
    }
    if (known.deployment !== deployment) {
      const { credentialKey } = known;
      adopt(known, deployment, now);
      // The probe under way is of the old credential, which others may use still.
      if (known.credentialKey !== credentialKey) this.#abandonCredentialProbe(known, credentialKey);
    }
    return known;
  }

  #succeeded(health: TargetHealth, outcome: TargetOutcome, now: MonotonicMs): void {
    // While a probe runs, whatever of the target succeeds counts as it: evidence is evidence.
    recordSuccess(health.breaker, now, health.breaker.probeInFlight);
    endCooldown(health.cooldown, now);
    const credential = this.#credentials.get(health.credentialKey);
    if (credential !== undefined) endCooldown(credential, now);
    health.probesCredential = false;
    growLimit(health.concurrency);
    if (outcome.firstTokenMs !== undefined) observeLatency(health, outcome.firstTokenMs);
  }

  #abandonProbes(health: TargetHealth): void {
    abandonProbe(health.breaker);
    abandonCooldownProbe(health.cooldown);
    this.#abandonCredentialProbe(health, health.credentialKey);
  }

  #abandonCredentialProbe(health: TargetHealth, key: string): void {
    if (!health.probesCredential) return;
    health.probesCredential = false;
    const credential = this.#credentials.get(key);
    if (credential !== undefined) abandonCooldownProbe(credential);
  }

  #failed(health: TargetHealth, effect: Effect, outcome: TargetOutcome, now: MonotonicMs): void {
    const probe = health.breaker.probeInFlight;
    this.#abandonProbes(health);
    observeLatency(health, penaltyMs);
    switch (effect) {
      case "failure":
        health.lastFailure = now;
        recordFailure(health.breaker, now, { weight: 1, probe, random: this.#random() });
        return;
      case "overloaded":
        health.lastFailure = now;
        recordFailure(health.breaker, now, { weight: 0.5, probe, random: this.#random() });
        coolOverloaded(health.cooldown, now, outcome.retryAfterMs);
        shrinkLimit(health.concurrency, now);
        return;
      case "rate_limited":
        coolRateLimited(health.cooldown, now, outcome.retryAfterMs);
        shrinkLimit(health.concurrency, now);
        return;
      case "refuse_deployment":
        quarantine(health.cooldown, now);
        return;
      case "refuse_credential":
        quarantine(this.#credentialOf(health.credentialKey), now);
        return;
      case "success":
      case "neutral":
        return;
    }
  }

  #credentialOf(key: string): Cooldown {
    const known = this.#credentials.get(key);
    if (known !== undefined) return known;
    const created = createCooldown();
    this.#credentials.set(key, created);
    return created;
  }
}

const admitted: Admission = { ok: true };

function refuse(reason: HealthRefusal, untilMs: MonotonicMs | undefined): Admission {
  return { ok: false, reason, untilMs };
}
