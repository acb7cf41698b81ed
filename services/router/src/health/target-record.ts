import type { MonotonicMs } from "@penstock/limits";
import type { CompiledDeployment } from "@penstock/snapshot";
import { createBreaker } from "./circuit-breaker.ts";
import type { CircuitBreaker } from "./circuit-breaker.ts";
import { changeCap, createConcurrencyLimit } from "./concurrency-limit.ts";
import type { ConcurrencyLimit } from "./concurrency-limit.ts";
import { createCooldown } from "./cooldown.ts";
import type { Cooldown } from "./cooldown.ts";

/** What a failed attempt adds to the smoothed time to first content (reliability §2.5). */
export const penaltyMs = 5_000;
const smoothing = 0.2;

/** What is known of one target. */
export interface TargetHealth {
  readonly name: string;
  /** Provider, address, credential and model: another one is another target. */
  identity: string;
  credentialKey: string;
  deployment: CompiledDeployment;
  breaker: CircuitBreaker;
  cooldown: Cooldown;
  concurrency: ConcurrencyLimit;
  inFlight: number;
  firstTokenMs: number;
  lastFailure: number;
  /** Whether the probe of the credential is an attempt of this deployment. */
  probesCredential: boolean;
}

/**
 * The same secret at another address is another account as far as we know. Providers without a
 * secret share nothing, also where one proxy or one machine stands before several of them.
 */
export function credentialKeyOf({ provider }: CompiledDeployment): string {
  return provider.credential === "" ? provider.name : `${provider.origin} ${provider.credential}`;
}

/** What makes a deployment the same target as before. */
export function identityOf(deployment: CompiledDeployment): string {
  const { provider } = deployment;
  const address = `${provider.origin}${deployment.path}`;
  return `${provider.name} ${address} ${provider.credential} ${deployment.model}`;
}

/** A target of which nothing is known. */
export function createHealth(deployment: CompiledDeployment, now: MonotonicMs): TargetHealth {
  return {
    name: deployment.name,
    identity: identityOf(deployment),
    credentialKey: credentialKeyOf(deployment),
    deployment,
    breaker: createBreaker(now),
    cooldown: createCooldown(),
    concurrency: createConcurrencyLimit(deployment.maxConcurrentRequests),
    inFlight: 0,
    firstTokenMs: 0,
    lastFailure: -Infinity,
    probesCredential: false,
  };
}

/** The deployment was compiled anew: what was learned stays unless it means another target now. */
export function adopt(
  health: TargetHealth,
  deployment: CompiledDeployment,
  now: MonotonicMs,
): void {
  health.deployment = deployment;
  changeCap(health.concurrency, deployment.maxConcurrentRequests);
  health.credentialKey = credentialKeyOf(deployment);
  const identity = identityOf(deployment);
  if (identity === health.identity) return;
  health.identity = identity;
  health.breaker = createBreaker(now);
  health.cooldown = createCooldown();
  health.concurrency = createConcurrencyLimit(deployment.maxConcurrentRequests);
  health.firstTokenMs = 0;
}

/** Smooths the time to first content with one more sample. */
export function observeLatency(health: TargetHealth, sampleMs: number): void {
  const before = health.firstTokenMs;
  health.firstTokenMs = before === 0 ? sampleMs : before + smoothing * (sampleMs - before);
}
