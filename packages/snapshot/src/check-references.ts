import type { Resource, Scope, Selector } from "@penstock/api";

import type { ResourceKind } from "./resource.ts";
import { collectionOf, parseResourceName, resourceKinds, resourceNameRule } from "./resource.ts";
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
      description: whyMissing(field, name),
      reason: "REFERENCE_MISSING" as const,
    }));
}

/** Whoever wrote an id alone looks in vain for what does not exist. */
function whyMissing(field: string, name: string): string {
  const kind = kindOfField(field);
  if (kind === undefined || parseResourceName(name) !== undefined) {
    return `refers to ${name}, which does not exist`;
  }
  return `is ${JSON.stringify(name.slice(0, 100))}, but must be ${resourceNameRule(collectionOf(kind))}`;
}

/** `targets[0].deployment` → `deployment`, `denyProviders[1]` → `provider`. */
function kindOfField(field: string): ResourceKind | undefined {
  const word = field.replace(/\[\d+\]$/, "").replace(/^.*\./, "");
  const kind = word === "denyProviders" ? "provider" : word;
  return resourceKinds.find((one) => one.kind === kind)?.kind;
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
