import { GatewayError } from "@penstock/errors";
import { selectRoute } from "@penstock/snapshot";
import { conditionFacts } from "../choosing/condition-facts.ts";
import { resolveWishes } from "../choosing/resolve-wishes.ts";
import type { RoutedModel } from "./plan-attempts.ts";
import type { RequestContext } from "./request-context.ts";
import type { Refusal } from "./stage.ts";

/** The least time worth starting with (reliability §2.1): less can't reach a provider and back. */
const leastRemainingMs = 100;

/**
 * Model, labels and conditions → route, and those of the models to fall back to; the route's total
 * timer narrows the deadline.
 */
export function resolveRoute(context: RequestContext, nowMs: number): Refusal {
  const { caller, request } = context;
  if (caller === undefined || request === undefined) throw new Error("runs after authenticate");
  const route = selectRoute(caller, request.model, request.labels, () => conditionFacts(context));
  if (route === undefined) return modelNotFound(request.model);
  context.route = route;
  if (context.session === "") context.session = request.session ?? "";
  const refusal = resolveRouting(context);
  if (refusal !== undefined) return refusal;
  context.deadlineMs = Math.min(
    context.deadlineMs,
    context.startMonotonicMs + route.totalTimeoutMs,
  );
  if (context.deadlineMs - nowMs < leastRemainingMs) {
    return new GatewayError(
      "DEADLINE_EXCEEDED",
      `Less than ${leastRemainingMs} ms are left of the request's deadline. Allow more time.`,
      { source: "downstream" },
    );
  }
  return undefined;
}

/** What the request wishes: other models, and providers. */
function resolveRouting(context: RequestContext): Refusal {
  const { caller, request, route, snapshot } = context;
  const routing = request?.routing;
  if (routing === undefined || request === undefined || caller === undefined) return undefined;
  if (route === undefined || snapshot === undefined) return undefined;
  const fallbacks: RoutedModel[] = [];
  for (const model of routing.models) {
    if (model === request.model) continue;
    const facts = () => ({ ...conditionFacts(context), model });
    const other = selectRoute(caller, model, request.labels, facts);
    if (other === undefined) return modelNotFound(model);
    fallbacks.push({ model, route: other });
  }
  context.fallbacks = fallbacks;
  const { onlyProviders, ignoreProviders, providerOrder } = routing;
  if (onlyProviders.length + ignoreProviders.length + providerOrder.length === 0) return undefined;
  const routes = [route, ...fallbacks.map((one) => one.route)];
  const { providers } = snapshot;
  const wishes = resolveWishes(routing, context.wishDialect, { providers, routes });
  if (wishes instanceof GatewayError) return wishes;
  context.wishes = wishes;
  return undefined;
}

/** MODEL_NOT_FOUND, with at most 256 characters of what was asked for. */
export function modelNotFound(asked: string): GatewayError {
  const model = asked.slice(0, 256);
  return new GatewayError(
    "MODEL_NOT_FOUND",
    `No route serves the model "${model}" for this key. List the models it may ask for.`,
    { metadata: { model }, resource: { type: "model", name: model } },
  );
}
