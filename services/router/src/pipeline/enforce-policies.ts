import { GatewayError } from "@penstock/errors";
import { decidePolicies } from "@penstock/snapshot";
import type { RequestContext } from "./request-context.ts";
import type { Refusal } from "./stage.ts";

/** All policies that fit apply; a denial wins. */
export function enforcePolicies(context: RequestContext): Refusal {
  const { caller, request } = context;
  if (caller === undefined || request === undefined) throw new Error("runs after authenticate");
  const decision = decidePolicies(caller, request.model, { labels: request.labels });
  if (!decision.allowed) {
    return new GatewayError(decision.reason, decision.message, {
      metadata: { policy: decision.policy, model: request.model.slice(0, 256) },
    });
  }
  context.refuseUnknownFields = decision.refuseUnknownFields;
  if (!decision.refuseUnknownFields) return undefined;
  const fieldViolations = [];
  for (const [format, fields] of Object.entries(request.formatParameters)) {
    for (const field of Object.keys(fields)) {
      fieldViolations.push({ field, description: `not allowed by policy (${format} parameter)` });
    }
  }
  if (fieldViolations.length === 0) return undefined;
  return new GatewayError(
    "UNSUPPORTED_FIELD",
    "A policy refuses parameters that Penstock does not know. Leave them out.",
    { fieldViolations: fieldViolations.slice(0, 20) },
  );
}
