import type { MonotonicMs } from "@penstock/limits";
import type { CompiledTarget, ConditionFacts } from "@penstock/snapshot";
import type { Served } from "../choosing/affinity.ts";
import { affinityKey, signatureKey } from "../choosing/affinity-keys.ts";
import { conditionFacts } from "../choosing/condition-facts.ts";
import { expectedCost } from "../choosing/expected-cost.ts";
import { noPriceReason } from "../choosing/exclude-target.ts";
import type { OrderFacts } from "../choosing/order-targets.ts";
import type { QuotaUse } from "../leases/reserve-outcome.ts";
import { targetsOf } from "./models-of.ts";
import { limitReached } from "./panic-rule.ts";
import type { PipelineParts } from "./pipeline-parts.ts";
import { planAttempts } from "./plan-attempts.ts";
import type { AttemptPlan, PlanInput, TargetAdmission } from "./plan-attempts.ts";
import type { RequestContext } from "./request-context.ts";
import { hasTargetBudget } from "./target-quotas.ts";

/** The parts that say whether a target may be used now, and how well it would do. */
export type AdmissionParts = Pick<
  PipelineParts,
  "clock" | "health" | "upstream" | "random" | "performance" | "affinity"
>;

/** Rule by which a target without a credential is not planned. */
export const credentialMissing = "credential_missing";

/** Gathers what the planner looks at, and plans. */
export function planForContext(context: RequestContext, parts: AdmissionParts): AttemptPlan {
  return planAttempts(new ContextInput(context, parts));
}

/** What the planner looks at, for one request. */
class ContextInput implements PlanInput {
  readonly route: PlanInput["route"];
  readonly fallbacks: PlanInput["fallbacks"];
  readonly request: PlanInput["request"];
  readonly vectors: PlanInput["vectors"];
  readonly stream: boolean;
  readonly budgeted: boolean;
  readonly wallMs: number;
  readonly inputTokens: number;
  readonly wishes: PlanInput["wishes"];
  readonly dialect: PlanInput["dialect"];
  readonly deniedProviders: PlanInput["deniedProviders"];
  readonly warm: string | undefined;
  readonly issuer: string | undefined;
  readonly #context: RequestContext;
  readonly #parts: AdmissionParts;
  readonly #served: Served | undefined;
  /** Planning takes no time that matters, other than the record before it. */
  readonly #now: MonotonicMs;

  constructor(context: RequestContext, parts: AdmissionParts) {
    const { route, request } = context;
    if (route === undefined || request === undefined) throw new Error("runs after resolve-route");
    this.#context = context;
    this.#parts = parts;
    this.#now = parts.clock.monotonicMs();
    // With one target there is nothing to choose: nobody looks through the conversation for it.
    const chooses = targetsOf(context).length > 1;
    this.#served = chooses ? servedBefore(context, parts) : undefined;
    this.route = route;
    this.fallbacks = context.fallbacks;
    this.request = request;
    this.vectors = context.vectors;
    this.stream = context.stream;
    this.budgeted = context.quotaUses.some(isOfMoney);
    this.wallMs = context.startWallMs;
    this.inputTokens = context.estimate?.inputTokens ?? 0;
    this.wishes = context.wishes;
    this.dialect = context.wishDialect;
    this.deniedProviders = context.deniedProviders;
    this.warm = this.#served?.deployment;
    this.issuer = chooses ? issuerOf(context, parts)?.provider : undefined;
  }

  conditionFacts(): ConditionFacts {
    return conditionFacts(this.#context);
  }

  admission(target: CompiledTarget, model: string): TargetAdmission {
    const context = this.#context;
    const unpriced = target.deployment.pricesAt(context.startWallMs) === undefined;
    if (unpriced && hasTargetBudget(context, target, model)) return withoutPrice;
    return admitTarget(target, this.#parts, this.#now);
  }

  mayTryOpen({ deployment }: CompiledTarget): boolean {
    return this.#parts.health.mayTryOpen(deployment, this.#now);
  }

  facts(): OrderFacts {
    return orderFacts(this.#context, this.#parts, this.#served);
  }
}

function isOfMoney({ quota }: QuotaUse): boolean {
  return quota.unit === "nano_usd";
}

/** What orders rest on, for one request. */
export function orderFacts(
  context: RequestContext,
  parts: AdmissionParts,
  served: Served | undefined,
): OrderFacts {
  const { health, performance, clock, random } = parts;
  const now = clock.monotonicMs();
  return {
    latency: ({ deployment }) => performance.latency(deployment, context.stream, now),
    inFlight: ({ deployment }) => health.inFlight(deployment),
    tokensPerSecond: ({ deployment }) => performance.tokensPerSecond(deployment, now),
    cost: ({ deployment }) => {
      const { estimate, request, startWallMs: wallMs } = context;
      return estimate && expectedCost({ estimate, request, wallMs }, deployment, served);
    },
    random,
  };
}

/** Who served the conversation last, while that matters; notes the conversation's key. */
export function servedBefore(
  context: RequestContext,
  { affinity, clock }: Pick<AdmissionParts, "affinity" | "clock">,
): Served | undefined {
  // No provider keeps anything between one vector and the next.
  if (context.vectors !== undefined) return undefined;
  context.affinityKey ??= affinityKey(context);
  const key = context.affinityKey;
  return key === undefined ? undefined : affinity.find(key, clock.monotonicMs());
}

/** Who signed the reasoning that the request sends back, as far as this router has seen it. */
export function issuerOf(
  { request }: Pick<RequestContext, "request">,
  { affinity, clock }: Pick<AdmissionParts, "affinity" | "clock">,
): Served | undefined {
  if (request === undefined || affinity.size === 0) return undefined;
  const key = signatureKey(request);
  return key === undefined ? undefined : affinity.find(key, clock.monotonicMs());
}

const withoutPrice: TargetAdmission = {
  ok: false,
  rule: "no_price",
  reason: noPriceReason,
  untilMs: undefined,
};

/** Whether a target may be used now; asked when it is planned, and again when its turn comes. */
export function admitTarget(
  target: CompiledTarget,
  parts: Pick<AdmissionParts, "clock" | "health" | "upstream">,
  now: MonotonicMs = parts.clock.monotonicMs(),
): TargetAdmission {
  if (!parts.upstream.hasCredential(target)) return withoutCredential(target);
  const admitted = parts.health.admit(target.deployment, now);
  if (admitted.ok) return admitted;
  const { reason, untilMs } = admitted;
  const inNeed = reason === "breaker_open" || reason === limitReached;
  return { ok: false, rule: reason, reason: healthReasons[reason], untilMs, inNeed };
}

function withoutCredential({ deployment }: CompiledTarget): TargetAdmission {
  const missing = "its credential is missing";
  const ofCloud = !/^(?:env:|file:|$)/.test(deployment.provider.credential);
  const reason = ofCloud ? `${missing}: its cloud has given no identity yet` : missing;
  return { ok: false, rule: credentialMissing, reason, untilMs: undefined };
}

const healthReasons = {
  breaker_open: "it failed repeatedly and is left alone for a while",
  probing: "it failed repeatedly and one request is trying it",
  cooldown: "its provider asked to be left alone for a while",
  credential_refused: "its provider refused the credential",
  limit_reached: "its provider says that nothing is left of a limit, so it is asked last",
  hinted: "its provider asked another router to leave it alone for a while",
  used_up: "its account at the provider is used up",
  deployment_refused: "its provider refused the deployment",
  full: "it has as many requests as it takes at once",
} as const;
