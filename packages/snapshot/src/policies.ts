import type { Policy } from "@penstock/api";
import { RoutingWishesMode, UnknownFieldsMode } from "@penstock/api";

import { compileModelMatcher } from "./match.ts";
import { compileRequestMatcher, readScope, readSelector } from "./scope.ts";
import type { Caller, CompiledPolicy, PolicyDecision, RequestFacts } from "./snapshot.ts";

/** Makes a policy ready. The policy must have passed validation. */
export function compilePolicy(policy: Policy): CompiledPolicy {
  return {
    name: policy.name,
    scopeName: readScope(policy.scope).scopeName,
    allowModels: [...policy.allowModels],
    denyModels: [...policy.denyModels],
    refuseUnknownFields: policy.unknownFields === UnknownFieldsMode.REFUSE,
    refuseWishes: policy.routingWishes === RoutingWishesMode.REFUSE,
    denyProviders: [...policy.denyProviders],
    matches: compileRequestMatcher(readSelector(policy.selector)),
  };
}

/** What one policy says to a request, as `explainPolicies` lists it. */
export interface PolicyExplanation {
  /** Resource name. */
  readonly policy: string;
  readonly verdict: "not_selected" | "denied" | "not_allowed" | "allowed";
  /** A sentence for people. */
  readonly reason: string;
}

type Verdict = PolicyExplanation["verdict"];

interface Matchers {
  readonly allows: (model: string) => boolean;
  readonly denies: (model: string) => boolean;
}

const matchersByPolicy = new WeakMap<CompiledPolicy, Matchers>();

function matchersOf(policy: CompiledPolicy): Matchers {
  const known = matchersByPolicy.get(policy);
  if (known !== undefined) return known;
  const matchers = {
    allows: policy.allowModels.length > 0 ? compileModelMatcher(policy.allowModels) : () => true,
    denies: compileModelMatcher(policy.denyModels),
  };
  matchersByPolicy.set(policy, matchers);
  return matchers;
}

function judge(policy: CompiledPolicy, model: string, facts: RequestFacts): Verdict {
  if (!policy.matches(model, facts.labels)) return "not_selected";
  const { allows, denies } = matchersOf(policy);
  if (denies(model)) return "denied";
  return allows(model) ? "allowed" : "not_allowed";
}

/**
 * Whether the policies of a caller let a request pass. All that fit must let it pass; a denial is
 * reported before a missing allowance, then the lower name before the higher.
 */
export function decidePolicies(
  caller: Pick<Caller, "policies">,
  model: string,
  facts: RequestFacts,
): PolicyDecision {
  let refuseUnknownFields = false;
  let refusesWishes: string | undefined;
  let deniedProviders: Map<string, string> | undefined;
  let lacking: CompiledPolicy | undefined;
  for (const policy of caller.policies) {
    const verdict = judge(policy, model, facts);
    if (verdict === "denied") return refuse(policy, model, "denies");
    if (verdict === "not_allowed") lacking ??= policy;
    if (verdict !== "allowed") continue;
    if (policy.refuseUnknownFields) refuseUnknownFields = true;
    if (policy.refuseWishes) refusesWishes ??= policy.name;
    for (const provider of policy.denyProviders) {
      deniedProviders ??= new Map();
      if (!deniedProviders.has(provider)) deniedProviders.set(provider, policy.name);
    }
  }
  if (lacking !== undefined) return refuse(lacking, model, "does not allow");
  return { allowed: true, refuseUnknownFields, refusesWishes, deniedProviders };
}

function refuse(policy: CompiledPolicy, model: string, does: string): PolicyDecision {
  return {
    allowed: false,
    policy: policy.name,
    reason: "MODEL_NOT_ALLOWED",
    message: `${policy.name} ${does} model ${JSON.stringify(model)}`,
  };
}

const reasonByVerdict: Readonly<Record<Verdict, string>> = {
  not_selected: "its selector does not fit the request",
  denied: "it denies the model",
  not_allowed: "it allows other models only",
  allowed: "it lets the request pass",
};

/** What each policy of a caller says; by the same rules as `decidePolicies`. */
export function explainPolicies(
  caller: Pick<Caller, "policies">,
  model: string,
  facts: RequestFacts,
): PolicyExplanation[] {
  return caller.policies.map((policy) => {
    const verdict = judge(policy, model, facts);
    return { policy: policy.name, verdict, reason: reasonByVerdict[verdict] };
  });
}
