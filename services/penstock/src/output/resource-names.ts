import { parseResourceName } from "@penstock/rpc";
import type { ResourceKind } from "../manifest/resource-kinds.ts";
import { resourceKinds } from "../manifest/resource-kinds.ts";

/** `smart` → `routes/smart`, `demo/app` → `projects/demo/virtualKeys/app`; full names stay. */
export function completeName(collection: string, text: string): string | undefined {
  const full = parseResourceName(text);
  if (full?.collection === collection) return text;
  if (collection !== "virtualKeys") {
    const name = `${collection}/${text}`;
    return parseResourceName(name)?.collection === collection ? name : undefined;
  }
  const [project = "", id = "", ...rest] = text.split("/");
  const name = `projects/${project}/virtualKeys/${id}`;
  return rest.length === 0 && parseResourceName(name) !== undefined ? name : undefined;
}

/** The kind of the resource that a full name names. */
export function kindOfName(name: string): ResourceKind | undefined {
  const collection = parseResourceName(name)?.collection;
  return resourceKinds.find((kind) => kind.collection === collection);
}
