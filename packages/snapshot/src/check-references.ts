import type { Resource, Scope, Selector } from "@penstock/api";

import { parseResourceName } from "./resource.ts";
import type { FieldProblem } from "./validate/field-problem.ts";

/** One resource that another names. */
export interface Reference {
  /** Path of the field that names it; `name` for the parent of a virtual key. */
  readonly field: string;
  /** Resource name. */
  readonly name: string;
}

/** Every resource that this one cannot do without. */
export function referencesOf({ resource }: Resource): Reference[] {
  switch (resource.case) {
    case "project":
      return [{ field: "team", name: resource.value.team }];
    case "virtualKey":
      return [{ field: "name", name: parseResourceName(resource.value.name)?.parent ?? "" }];
    case "deployment": {
      const { provider, priceBook } = resource.value;
      const references = [{ field: "provider", name: provider }];
      if (priceBook !== "") references.push({ field: "priceBook", name: priceBook });
      return references;
    }
    case "route": {
      const { scope, targets } = resource.value;
      const named = targets.map(({ deployment }, index) => ({
        field: `targets[${index}].deployment`,
        name: deployment,
      }));
      return [...scopeReference(scope), ...named];
    }
    case "policy":
      return [
        ...scopeReference(resource.value.scope),
        ...resource.value.denyProviders.map((name, index) => ({
          field: `denyProviders[${index}]`,
          name,
        })),
      ];
    case "limit":
    case "budget": {
      const { scope, selector } = resource.value;
      return [...scopeReference(scope), ...selectorReferences(selector)];
    }
    default:
      return [];
  }
}

/** A problem for every name in the resource that points at nothing. Total. */
export function checkReferences(
  resource: Resource,
  exists: (name: string) => boolean,
): FieldProblem[] {
  return referencesOf(resource)
    .filter(({ name }) => !exists(name))
    .map(({ field, name }) => ({
      field,
      description: `refers to ${name}, which does not exist`,
      reason: "REFERENCE_MISSING" as const,
    }));
}

function scopeReference(scope: Scope | undefined): Reference[] {
  const value = scope?.scope;
  if (value === undefined || value.case === undefined || value.case === "all") return [];
  return [{ field: `scope.${value.case}`, name: value.value }];
}

function selectorReferences(selector: Selector | undefined): Reference[] {
  const references: Reference[] = [];
  const { provider, deployment } = selector ?? {};
  if (provider !== undefined) references.push({ field: "selector.provider", name: provider });
  if (deployment !== undefined) references.push({ field: "selector.deployment", name: deployment });
  return references;
}
