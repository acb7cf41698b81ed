import type { GenerateRequest } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { decidePolicies } from "@penstock/snapshot";
import { modelsOf } from "./models-of.ts";
import type { RequestContext } from "./request-context.ts";
import type { Refusal } from "./stage.ts";

/** All policies that fit apply; a denial wins. */
export function enforcePolicies(context: RequestContext): Refusal {
  const { caller, request } = context;
  if (caller === undefined || request === undefined) throw new Error("runs after authenticate");
  for (const model of modelsOf(context)) {
    const decision = decidePolicies(caller, model, { labels: request.labels });
    if (!decision.allowed) {
      return new GatewayError(decision.reason, decision.message, {
        metadata: { policy: decision.policy, model: model.slice(0, 256) },
      });
    }
    if (decision.refusesWishes !== undefined && request.routing !== undefined) {
      return wishesRefused(decision.refusesWishes, context.wishDialect ?? "routing");
    }
    context.refuseUnknownFields ||= decision.refuseUnknownFields;
    context.deniedProviders = joined(context.deniedProviders, decision.deniedProviders);
  }
  return context.refuseUnknownFields ? refusedFields(request) : undefined;
}

function wishesRefused(policy: string, field: string): GatewayError {
  return new GatewayError(
    "POLICY_DENIED",
    `${policy} refuses wishes about routing. Leave out ${field}.`,
    {
      metadata: { policy },
      fieldViolations: [{ field, description: `is refused by ${policy}` }],
    },
  );
}

function joined(
  known: ReadonlyMap<string, string> | undefined,
  more: ReadonlyMap<string, string> | undefined,
): ReadonlyMap<string, string> | undefined {
  if (known === undefined || more === undefined) return known ?? more;
  return new Map([...more, ...known]);
}

function refusedFields(request: GenerateRequest): Refusal {
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
