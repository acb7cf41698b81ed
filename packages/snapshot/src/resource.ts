import type {
  Budget,
  Deployment,
  Limit,
  Policy,
  PriceBook,
  Project,
  Provider,
  Resource,
  Route,
  Team,
  VirtualKey,
} from "@penstock/api";

/** The message of each kind of resource; the keys are the cases of `Resource`. */
export interface ResourceByKind {
  readonly team: Team;
  readonly project: Project;
  readonly virtualKey: VirtualKey;
  readonly provider: Provider;
  readonly deployment: Deployment;
  readonly route: Route;
  readonly policy: Policy;
  readonly limit: Limit;
  readonly budget: Budget;
  readonly priceBook: PriceBook;
}

/** A kind of resource; also the case of the oneof in `Resource`. */
export type ResourceKind = keyof ResourceByKind;

/** The message of a resource of any kind. */
export type ResourceMessage = ResourceByKind[ResourceKind];

/** The parts of a resource name. */
export interface ResourceName {
  readonly kind: ResourceKind;
  /** The last part of the name. */
  readonly id: string;
  /** Resource name of the parent; empty unless the resource is a virtual key. */
  readonly parent: string;
}

/**
 * Every kind with its collection. A kind refers only to kinds above it, so going through the list
 * in order meets every resource after all that it refers to.
 */
export const resourceKinds = [
  { kind: "team", collection: "teams" },
  { kind: "provider", collection: "providers" },
  { kind: "priceBook", collection: "priceBooks" },
  { kind: "project", collection: "projects" },
  { kind: "deployment", collection: "deployments" },
  { kind: "virtualKey", collection: "virtualKeys" },
  { kind: "route", collection: "routes" },
  { kind: "policy", collection: "policies" },
  { kind: "limit", collection: "limits" },
  { kind: "budget", collection: "budgets" },
] as const satisfies readonly { kind: ResourceKind; collection: string }[];

/** The form of a resource id: a DNS label that begins with a letter. */
export const resourceIdPattern = /^[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

const kindByCollection = new Map<string, ResourceKind>(
  resourceKinds.map(({ kind, collection }) => [collection, kind]),
);

/** The form of a resource id in words, as the end of a sentence. */
export const resourceIdRule =
  'an id is 1 to 63 of a-z, 0-9 and "-", begins with a letter and does not end with "-"';

/** The form of the names of a collection in words with an example, as the end of "must be …". */
export function resourceNameRule(collection: string): string {
  const isNested = collection === "virtualKeys";
  const form = isNested ? "projects/<project>/virtualKeys/<id>" : `${collection}/<id>`;
  const example = form.replace("<project>", "demo").replace("<id>", "example-1");
  return `${form}, where ${resourceIdRule}, such as ${example}`;
}

/** Collection of a kind, such as `routes`; that of virtual keys is `virtualKeys`. */
export function collectionOf(kind: ResourceKind): string {
  return resourceKinds.find((row) => row.kind === kind)?.collection ?? "";
}

/** Resource name of an id; `projects/{project}/virtualKeys/{id}` needs the project's id. */
export function resourceName(kind: ResourceKind, id: string, projectId = ""): string {
  if (kind === "virtualKey") return `projects/${projectId}/virtualKeys/${id}`;
  return `${collectionOf(kind)}/${id}`;
}

/** Reads a resource name; undefined when it is none. */
export function parseResourceName(name: string): ResourceName | undefined {
  const parts = name.split("/");
  const [collection, id, nested, nestedId] = parts;
  if (collection === undefined || id === undefined || !resourceIdPattern.test(id)) return undefined;
  if (parts.length === 2) {
    const kind = kindByCollection.get(collection);
    if (kind === undefined || kind === "virtualKey") return undefined;
    return { kind, id, parent: "" };
  }
  if (parts.length !== 4 || collection !== "projects" || nested !== "virtualKeys") return undefined;
  if (nestedId === undefined || !resourceIdPattern.test(nestedId)) return undefined;
  return { kind: "virtualKey", id: nestedId, parent: `projects/${id}` };
}

/** Kind of a resource name; undefined when it is none. */
export function kindOfName(name: string): ResourceKind | undefined {
  return parseResourceName(name)?.kind;
}

/** Name that a resource states; empty when it is of an unknown kind. */
export function nameOfResource(resource: Resource): string {
  return resource.resource.value?.name ?? "";
}

/** The message inside `resource` when it is of this kind. */
export function messageOf<Kind extends ResourceKind>(
  resource: Resource,
  kind: Kind,
): ResourceByKind[Kind] | undefined {
  const found: { case: string | undefined; value?: unknown } = resource.resource;
  return found.case === kind ? (found.value as ResourceByKind[Kind]) : undefined;
}
