import type { GenerateRequest } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { unknownParameters } from "@penstock/formats";
import { decidePolicies } from "@penstock/snapshot";
import { inWordsOf } from "./in-callers-words.ts";
import { modelsOf } from "./models-of.ts";
import type { RequestContext } from "./request-context.ts";
import type { Refusal } from "./stage.ts";

/** Most fields of which a refusal tells. */
const mostTold = 20;

/** All policies that fit apply; a denial wins. */
export function enforcePolicies(context: RequestContext): Refusal {
  const { caller, request } = context;
  if (caller === undefined || request === undefined) throw new Error("runs after authenticate");
  if (caller.policies.length === 0) return undefined;
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
  return context.refuseUnknownFields ? refusedFields(context, request) : undefined;
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

function refusedFields(context: RequestContext, request: GenerateRequest): Refusal {
  const unknown = unknownParameters(request, mostTold);
  const [first] = unknown;
  if (first === undefined) return undefined;
  const fieldViolations = unknown.map(({ format, path }) => ({
    field: path,
    description: `is no parameter of ${format} that is documented, and a policy refuses others`,
  }));
  const more = unknown.length > 1 ? ` (and ${unknown.length - 1} more)` : "";
  const { description } = fieldViolations[0] ?? { description: "" };
  const message = `The field ${first.path} ${description}${more}. Leave it out.`;
  return inWordsOf(
    context,
    new GatewayError("UNSUPPORTED_FIELD", message, { fieldViolations }),
    request,
  );
}
