import type { Model } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { decidePolicies, selectRoute } from "@penstock/snapshot";
import type { Caller, Snapshot } from "@penstock/snapshot";
import { authenticate } from "./authenticate.ts";
import type { AuthenticateParts } from "./authenticate.ts";
import { commonFacts, modelTarget } from "./model-facts.ts";
import type { PipelineParts } from "./pipeline-parts.ts";
import { quietRequest } from "./quiet-request.ts";
import { modelNotFound } from "./resolve-route.ts";

/** The models that a key may ask for, or why there is no answer. */
export type ModelList = { readonly models: readonly Model[] } | { readonly error: GatewayError };

type ModelParts = Pick<PipelineParts, "clock" | "tracer"> & AuthenticateParts;

/**
 * Lists the exact model names of the caller's routes that its policies allow, by name. Patterns
 * such as `gpt-*` are left out: they name no model.
 */
export function listModels(
  snapshot: Snapshot | undefined,
  token: string,
  parts: ModelParts,
): ModelList {
  const caller = identify(snapshot, token, parts);
  if (caller instanceof GatewayError) return { error: caller };
  const wallMs = parts.clock.wallMs();
  const names = new Set<string>();
  for (const route of caller.routes) {
    for (const pattern of route.models) if (!pattern.endsWith("*")) names.add(pattern);
  }
  return { models: [...names].toSorted().flatMap((name) => modelOf(caller, name, wallMs) ?? []) };
}

/**
 * The one model of this name, or MODEL_NOT_FOUND. Names that only a pattern fits are found too, as
 * they may be asked for.
 */
export function findModel(
  name: string,
  snapshot: Snapshot | undefined,
  token: string,
  parts: ModelParts,
): ModelList {
  const caller = identify(snapshot, token, parts);
  if (caller instanceof GatewayError) return { error: caller };
  const model = modelOf(caller, name, parts.clock.wallMs());
  return model === undefined ? { error: modelNotFound(name) } : { models: [model] };
}

/** Who asks, or why nobody is let in. */
export function identify(
  snapshot: Snapshot | undefined,
  token: string,
  parts: ModelParts,
): Caller | GatewayError {
  const context = quietRequest(snapshot, token, parts);
  const error = authenticate(context, parts);
  if (error !== undefined) return error;
  if (context.caller === undefined) throw new TypeError("who is let in is known");
  return context.caller;
}

/** Undefined where no route serves it, or a policy of the caller denies it. */
function modelOf(caller: Caller, name: string, wallMs: number): Model | undefined {
  const route = selectRoute(caller, name, {});
  if (route === undefined || !decidePolicies(caller, name, { labels: {} }).allowed)
    return undefined;
  const targets = route.targets.map((target) => modelTarget(target, wallMs));
  return {
    $typeName: "penstock.inference.v1.Model",
    name,
    route: route.name,
    deployments: targets.map(({ deployment }) => deployment),
    facts: commonFacts(targets),
    targets,
  };
}
