import { formatMoney } from "@penstock/pricing";
import type { CompiledTarget } from "@penstock/snapshot";
import { explainCondition } from "@penstock/snapshot";
import type { AdmissionParts } from "../pipeline/plan-for-context.ts";
import { issuerOf, orderFacts, servedBefore } from "../pipeline/plan-for-context.ts";
import type { RequestContext } from "../pipeline/request-context.ts";
import { conditionFacts } from "./condition-facts.ts";
import { unmetNeeds } from "./request-needs.ts";

/** What bears on the place of each target of a request, in words, for explanations. */
export function describeOrder(
  context: RequestContext,
  parts: AdmissionParts,
): (target: CompiledTarget) => string[] {
  const { request, route, stream } = context;
  const served = servedBefore(context, parts);
  const issuer = issuerOf(context, parts);
  const facts = orderFacts(context, parts, served);
  return (target) => {
    const { deployment, condition } = target;
    const notes: string[] = [];
    if (route?.strategy === "least_latency") {
      const { firstTokenMs } = facts.latency(target);
      const known = firstTokenMs === undefined ? "not known yet" : `${Math.round(firstTokenMs)} ms`;
      notes.push(`first content ${known}`);
    }
    if (route?.strategy === "least_busy") notes.push(`${facts.inFlight(target)} under way`);
    if (route?.strategy === "lowest_cost") {
      const cost = facts.cost(target);
      notes.push(cost === undefined ? "no price" : `would cost ${formatMoney(cost)} USD at most`);
    }
    if (served?.deployment === deployment.name) notes.push("served the session last");
    if (issuer?.provider === deployment.provider.name) notes.push("signed the reasoning");
    if (condition !== undefined) notes.push(explainCondition(condition, conditionFacts(context)));
    const unmet = request && unmetNeeds(request, stream, deployment.capabilities);
    for (const { words } of unmet ?? []) notes.push(`would go without ${words}`);
    return notes;
  };
}
