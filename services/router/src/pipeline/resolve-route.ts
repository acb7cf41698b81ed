import { GatewayError } from "@penstock/errors";
import { selectRoute } from "@penstock/snapshot";
import type { RequestContext } from "./request-context.ts";
import type { Refusal } from "./stage.ts";

/** The least time worth starting with (reliability §2.1): less can't reach a provider and back. */
const leastRemainingMs = 100;

/** Model and labels → route; the route's total timer narrows the deadline. */
export function resolveRoute(context: RequestContext, nowMs: number): Refusal {
  const { caller, request } = context;
  if (caller === undefined || request === undefined) throw new Error("runs after authenticate");
  const route = selectRoute(caller, request.model, request.labels);
  if (route === undefined) return modelNotFound(request.model);
  context.route = route;
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

/** MODEL_NOT_FOUND, with at most 256 characters of what was asked for. */
export function modelNotFound(asked: string): GatewayError {
  const model = asked.slice(0, 256);
  return new GatewayError(
    "MODEL_NOT_FOUND",
    `No route serves the model "${model}" for this key. List the models it may ask for.`,
    { metadata: { model }, resource: { type: "model", name: model } },
  );
}
