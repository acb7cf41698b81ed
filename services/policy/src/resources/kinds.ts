import type { Resource } from "@penstock/api";
import {
  BudgetSchema,
  DeploymentSchema,
  LimitSchema,
  PolicySchema,
  PriceBookSchema,
  ProjectSchema,
  ProviderSchema,
  RouteSchema,
  TeamSchema,
} from "@penstock/api";
import { parseResourceName } from "@penstock/rpc";
import type { ResourceMessage } from "@penstock/snapshot";
import { defineKind } from "./resource-kind.ts";
import type { ResourceKind } from "./resource-kind.ts";
import { virtualKeyKind } from "./virtual-key.ts";

/** Every kind of resource. Budgets are money: nobody changes one without having read it. */
export const kinds: readonly ResourceKind[] = [
  defineKind({ case: "team", collection: "teams", schema: TeamSchema }),
  defineKind({ case: "project", collection: "projects", schema: ProjectSchema }),
  virtualKeyKind,
  defineKind({ case: "provider", collection: "providers", schema: ProviderSchema }),
  defineKind({ case: "deployment", collection: "deployments", schema: DeploymentSchema }),
  defineKind({ case: "route", collection: "routes", schema: RouteSchema }),
  defineKind({ case: "policy", collection: "policies", schema: PolicySchema }),
  defineKind({ case: "limit", collection: "limits", schema: LimitSchema }),
  defineKind({ case: "budget", collection: "budgets", schema: BudgetSchema, etagRequired: true }),
  defineKind({ case: "priceBook", collection: "priceBooks", schema: PriceBookSchema }),
];

const byCase = new Map<string, ResourceKind>(kinds.map((kind) => [kind.case, kind]));
const byCollection = new Map<string, ResourceKind>(kinds.map((kind) => [kind.collection, kind]));

/** Kind of the message in the envelope; undefined when it is empty or of an unknown kind. */
export function kindOfResource(resource: Resource): ResourceKind | undefined {
  return byCase.get(resource.resource.case ?? "");
}

/** Kind that a resource name belongs to; undefined when it is no resource name. */
export function kindOfName(name: string): ResourceKind | undefined {
  return byCollection.get(parseResourceName(name)?.collection ?? "");
}

/** Kind of a collection; undefined when there is none of that name. */
export function kindOfCollection(collection: string): ResourceKind | undefined {
  return byCollection.get(collection);
}

/** Kind and message of a stored resource, which always has both. */
export function openResource(resource: Resource): { kind: ResourceKind; message: ResourceMessage } {
  const kind = kindOfResource(resource);
  const message = resource.resource.value;
  if (kind === undefined || message === undefined) throw new TypeError("resource without a kind");
  return { kind, message };
}

/** The resource as administrators may see it. */
export function withoutSecrets(resource: Resource): Resource {
  const { kind, message } = openResource(resource);
  const visible = kind.withoutSecrets(message);
  if (visible === message) return resource;
  return { ...resource, resource: { case: kind.case, value: visible } as Resource["resource"] };
}
