import type { DescMessage, Message } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import type { Resource } from "@penstock/api";
import { ResourceSchema } from "@penstock/api";
import type { Collection } from "@penstock/rpc";

/** One kind of resource: how manifests, names and messages call it. */
export interface ResourceKind {
  /** As manifests write it, such as `PriceBook`. */
  readonly kind: string;
  /** As names write it, such as `priceBooks`. */
  readonly collection: Collection;
  readonly schema: DescMessage;
}

/** The message inside a Resource. */
export type ResourceValue = NonNullable<Resource["resource"]["value"]>;

const collectionOfKind: Readonly<Record<string, Collection>> = {
  Team: "teams",
  Project: "projects",
  VirtualKey: "virtualKeys",
  Provider: "providers",
  Deployment: "deployments",
  Route: "routes",
  Policy: "policies",
  Limit: "limits",
  Budget: "budgets",
  PriceBook: "priceBooks",
};

/** Every kind, in the order of the proto. */
export const resourceKinds: readonly ResourceKind[] = ResourceSchema.fields.flatMap((field) => {
  if (field.fieldKind !== "message") return [];
  const collection = collectionOfKind[field.message.name];
  if (collection === undefined) throw new TypeError(`${field.message.name} has no collection`);
  return [{ kind: field.message.name, collection, schema: field.message }];
});

/** The kind that a manifest names exactly so. */
export function findKind(kind: string): ResourceKind | undefined {
  return resourceKinds.find((known) => known.kind === kind);
}

/** The kind for a word on the command line: any case, singular or plural, `-` and `_` ignored. */
export function findKindByWord(word: string): ResourceKind | undefined {
  const plain = word.replaceAll(/[-_\s]/g, "").toLowerCase();
  const wanted = plain === "key" || plain === "keys" ? "virtualkey" : plain;
  return resourceKinds.find(
    ({ kind, collection }) => kind.toLowerCase() === wanted || collection.toLowerCase() === wanted,
  );
}

/** The kind of a message such as a Route. */
export function kindOfValue(value: ResourceValue): ResourceKind {
  const found = resourceKinds.find(({ schema }) => schema.typeName === value.$typeName);
  if (found === undefined) throw new TypeError(`${value.$typeName} is not a resource`);
  return found;
}

/** Puts a message of a kind into the Resource that carries any kind. */
export function wrapResource(kind: ResourceKind, value: Message): Resource {
  const field = ResourceSchema.fields.find(
    (candidate) => candidate.fieldKind === "message" && candidate.message === kind.schema,
  );
  if (field === undefined) throw new TypeError(`${kind.kind} is not a resource`);
  const resource = { case: field.localName, value } as Resource["resource"];
  return create(ResourceSchema, { resource });
}

/** Fields that only the server sets; `etag` is sent back on purpose and is not among them. */
export function isOutputOnly(kind: ResourceKind, jsonName: string): boolean {
  if (["uid", "createTime", "updateTime", "revision"].includes(jsonName)) return true;
  return kind.kind === "VirtualKey" && ["credentials", "revokeTime"].includes(jsonName);
}
