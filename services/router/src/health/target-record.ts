import type { MonotonicMs } from "@penstock/limits";
import { findProvider } from "@penstock/providers";
import type { CompiledDeployment, CompiledProvider } from "@penstock/snapshot";
import { createBreaker } from "./circuit-breaker.ts";
import type { CircuitBreaker } from "./circuit-breaker.ts";
import { changeCap, createConcurrencyLimit } from "./concurrency-limit.ts";
import type { ConcurrencyLimit } from "./concurrency-limit.ts";
import { createCooldown } from "./cooldown.ts";
import type { Cooldown } from "./cooldown.ts";
import { hintKey } from "./cooldown-hints.ts";
import type { ScopeNames } from "./cooldown-scopes.ts";
import { createOpenTries } from "./open-tries.ts";
import type { OpenTries } from "./open-tries.ts";
import { ToldLimits } from "./told-limits.ts";

/** What a failed attempt adds to the smoothed time to first content (reliability §2.5). */
export const penaltyMs = 5_000;
const smoothing = 0.2;

/** What is known of one target. */
export interface TargetHealth {
  readonly name: string;
  /** Name, provider, address, credential and model: another one is another target. */
  identity: string;
  /** What it shares with other targets. */
  scopes: ScopeNames;
  /** Under which other routers tell of it and of what it shares. */
  hintKeys: readonly string[];
  deployment: CompiledDeployment;
  breaker: CircuitBreaker;
  cooldown: Cooldown;
  concurrency: ConcurrencyLimit;
  inFlight: number;
  firstTokenMs: number;
  lastFailure: number;
  /** What it shares and an attempt of it is the probe of. */
  probes: readonly string[];
  /** Undefined: its provider is not known to tell of limits. */
  limits: ToldLimits | undefined;
  openTries: OpenTries;
}

/**
 * The same secret at another address is another account as far as we know. Providers without a
 * secret share nothing, also where one proxy or one machine stands before several of them.
 */
export function credentialKeyOf({ provider }: CompiledDeployment): string {
  return provider.credential === "" ? provider.name : `${provider.origin} ${provider.credential}`;
}

/**
 * Whose servers a deployment is served by, as far as we know: a vendor is one wherever it is called;
 * servers that may be called without a credential are somebody's own, and each address is one.
 */
export function vendorKeyOf({ provider }: CompiledDeployment): string {
  let key = vendorKeys.get(provider);
  if (key === undefined) {
    const { kind, origin, pathPrefix } = provider;
    key = findProvider(kind)?.auth.required === true ? kind : `${origin}${pathPrefix}`;
    vendorKeys.set(provider, key);
  }
  return key;
}

/** Every attempt asks, and a new text would be hashed anew each time. */
const vendorKeys = new WeakMap<CompiledProvider, string>();

/** The names of what a deployment shares with others. */
export function scopeNamesOf(deployment: CompiledDeployment): ScopeNames {
  return {
    key: `key ${credentialKeyOf(deployment)}`,
    provider: `provider ${deployment.provider.name} ${deployment.provider.origin}`,
    model: `model ${deployment.provider.origin} ${deployment.model}`,
  };
}

function hintKeysOf(deployment: CompiledDeployment): readonly string[] {
  const shared = Object.entries(scopeNamesOf(deployment));
  return [...shared, ["deployment", identityOf(deployment)] as const].map(([scope, name]) =>
    hintKey(scope, name),
  );
}

/** What makes a deployment the same target as before. */
export function identityOf(deployment: CompiledDeployment): string {
  const { provider } = deployment;
  const address = `${provider.origin}${deployment.path}`;
  return `${deployment.name} ${provider.name} ${address} ${provider.credential} ${deployment.model}`;
}

/** A target of which nothing is known. */
export function createHealth(deployment: CompiledDeployment, now: MonotonicMs): TargetHealth {
  return {
    name: deployment.name,
    identity: identityOf(deployment),
    scopes: scopeNamesOf(deployment),
    hintKeys: hintKeysOf(deployment),
    deployment,
    breaker: createBreaker(now),
    cooldown: createCooldown(),
    concurrency: createConcurrencyLimit(deployment.maxConcurrentRequests),
    inFlight: 0,
    firstTokenMs: 0,
    lastFailure: -Infinity,
    probes: [],
    limits: ToldLimits.of(deployment.provider.kind),
    openTries: createOpenTries(),
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
  health.scopes = scopeNamesOf(deployment);
  health.hintKeys = hintKeysOf(deployment);
  const identity = identityOf(deployment);
  if (identity === health.identity) return;
  health.identity = identity;
  health.breaker = createBreaker(now);
  health.cooldown = createCooldown();
  health.concurrency = createConcurrencyLimit(deployment.maxConcurrentRequests);
  health.firstTokenMs = 0;
  health.limits = ToldLimits.of(deployment.provider.kind);
  health.openTries = createOpenTries();
}

/** Smooths the time to first content with one more sample. */
export function observeLatency(health: TargetHealth, sampleMs: number): void {
  const before = health.firstTokenMs;
  health.firstTokenMs = before === 0 ? sampleMs : before + smoothing * (sampleMs - before);
}
