import { GatewayError } from "@penstock/errors";

/** The collections of resources; all are flat but `virtualKeys`, which belong to a project. */
export const collections = [
  "teams",
  "projects",
  "virtualKeys",
  "providers",
  "deployments",
  "routes",
  "policies",
  "limits",
  "budgets",
  "priceBooks",
] as const;

/** A collection of resources, as it is written in names. */
export type Collection = (typeof collections)[number];

/** The parts of a resource name. `project` is there exactly when the collection is nested. */
export type ResourceName =
  | { readonly collection: "virtualKeys"; readonly project: string; readonly id: string }
  | {
      readonly collection: Exclude<Collection, "virtualKeys">;
      readonly project?: undefined;
      readonly id: string;
    };

const resourceId = /^[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

const idRule =
  'an id is 1 to 63 of a-z, 0-9 and "-", begins with a letter and does not end with "-"';

/** True for ids in the form of a DNS label, at most 63 characters. */
export function isResourceId(text: string): boolean {
  return resourceId.test(text);
}

/** Reads `routes/smart` or `projects/p/virtualKeys/k`; undefined when it is not a name. */
export function parseResourceName(text: string): ResourceName | undefined {
  const [collection = "", id = "", nested, nestedId = "", ...rest] = text.split("/", 5);
  if (!isResourceId(id) || rest.length > 0) return undefined;
  if (nested !== undefined) {
    if (collection !== "projects" || nested !== "virtualKeys") return undefined;
    return isResourceId(nestedId)
      ? { collection: "virtualKeys", project: id, id: nestedId }
      : undefined;
  }
  if (!isCollection(collection) || collection === "virtualKeys") return undefined;
  return { collection, id };
}

/** Reads a name of one collection. Throws FIELD_INVALID, naming the field it stands in. */
export function expectResourceName<Wanted extends Collection>(
  text: string,
  collection: Wanted,
  field: string,
): Extract<ResourceName, { collection: Wanted }> {
  const name = parseResourceName(text);
  if (name?.collection === collection) {
    return name as Extract<ResourceName, { collection: Wanted }>;
  }
  const [form, example] =
    collection === "virtualKeys"
      ? ["projects/<project>/virtualKeys/<id>", "projects/demo/virtualKeys/example-1"]
      : [`${collection}/<id>`, `${collection}/example-1`];
  const description = `must be ${form}, where ${idRule}, such as ${example}`;
  throw new GatewayError("FIELD_INVALID", `The field ${field} ${description}.`, {
    fieldViolations: [{ field, description, reason: "RESOURCE_NAME_INVALID" }],
    metadata: { field, form },
  });
}

/** Writes a name. The parts are trusted to be ids. */
export function formatResourceName(name: ResourceName): string {
  return name.collection === "virtualKeys"
    ? `projects/${name.project}/virtualKeys/${name.id}`
    : `${name.collection}/${name.id}`;
}

function isCollection(text: string): text is Collection {
  return (collections as readonly string[]).includes(text);
}
