import type { CompiledTarget } from "@penstock/snapshot";
import type { RequestContext } from "./request-context.ts";

/** The models that may answer: the one asked for, then those to fall back to. */
export function modelsOf({ request, fallbacks }: RequestContext): readonly string[] {
  const first = request?.model ?? "";
  return fallbacks.length === 0 ? [first] : [first, ...fallbacks.map(({ model }) => model)];
}

/** The targets that may be asked, of all these models. */
export function targetsOf({ route, fallbacks }: RequestContext): readonly CompiledTarget[] {
  const first = route?.targets ?? [];
  if (fallbacks.length === 0) return first;
  return [...first, ...fallbacks.flatMap((one) => one.route.targets)];
}
