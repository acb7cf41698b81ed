import { Door } from "@penstock/api";
import type { Model } from "@penstock/api";
import type { GatewayError } from "@penstock/errors";
import { decidePolicies, selectRoute } from "@penstock/snapshot";
import type { Caller, Snapshot } from "@penstock/snapshot";
import { authenticate } from "./authenticate.ts";
import type { AuthenticateParts } from "./authenticate.ts";
import type { PipelineParts } from "./pipeline-parts.ts";
import { RequestContext } from "./request-context.ts";
import { silentDownstream } from "./silent-downstream.ts";

/** The models that a key may ask for, or why there is no answer. */
export type ModelList = { readonly models: readonly Model[] } | { readonly error: GatewayError };

/**
 * Lists the exact model names of the caller's routes that its policies allow, by name. Patterns
 * such as `gpt-*` are left out: they name no model.
 */
export function listModels(
  snapshot: Snapshot | undefined,
  token: string,
  parts: Pick<PipelineParts, "clock" | "tracer"> & AuthenticateParts,
): ModelList {
  const context = new RequestContext(
    {
      requestId: "",
      door: Door.UNSPECIFIED,
      token,
      snapshot,
      parent: undefined,
      startMonotonicMs: parts.clock.monotonicMs(),
      startWallMs: parts.clock.wallMs(),
      timeoutMs: 0,
    },
    parts.tracer.newContext(),
    silentDownstream,
  );
  const error = authenticate(context, parts);
  if (error !== undefined) return { error };
  const { caller } = context;
  return { models: caller === undefined ? [] : modelsOf(caller) };
}

function modelsOf(caller: Caller): Model[] {
  const names = new Set<string>();
  for (const route of caller.routes) {
    for (const pattern of route.models) if (!pattern.endsWith("*")) names.add(pattern);
  }
  const models: Model[] = [];
  for (const name of [...names].toSorted()) {
    const route = selectRoute(caller, name, {});
    if (route === undefined || !decidePolicies(caller, name, { labels: {} }).allowed) continue;
    models.push({
      $typeName: "penstock.inference.v1.Model",
      name,
      route: route.name,
      deployments: route.targets.map((target) => target.deployment.name),
    });
  }
  return models;
}
