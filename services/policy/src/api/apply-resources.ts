import type { HandlerContext } from "@connectrpc/connect";
import type { ApplyResourcesRequest } from "@penstock/api";
import {
  ApplyResourcesRequestSchema,
  ApplyResourcesResponseSchema,
  ChangeKind,
} from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import type { Intent, PlannedChange } from "../changes/intent.ts";
import { pruneIntents } from "../changes/prune.ts";
import type { ResourceView } from "../changes/resource-table.ts";
import { applyChange } from "./apply-change.ts";
import type { ApiDependencies } from "./dependencies.ts";

/** From the proto; one transaction and one answer must stay of a size that can be handled. */
const maxResources = 10_000;

const changeKinds: Readonly<Record<PlannedChange["change"], ChangeKind>> = {
  created: ChangeKind.CREATED,
  updated: ChangeKind.UPDATED,
  unchanged: ChangeKind.UNCHANGED,
  deleted: ChangeKind.DELETED,
};

/** Creates, changes and deletes resources in one revision, all or none. */
export function applyResources({ writer }: ApiDependencies) {
  return async (request: ApplyResourcesRequest, context: HandlerContext) => {
    checkCount("resources", request.resources.length);
    checkCount("delete_names", request.deleteNames.length);
    const { response } = await applyChange(writer, {
      context,
      output: ApplyResourcesResponseSchema,
      validateOnly: request.validateOnly,
      allowEmpty: request.allowEmpty,
      repeatable: { schema: ApplyResourcesRequestSchema, message: request },
      intents: (view) => intentsOf(request, view),
      respond: ({ changes, revision }) => ({ revision, results: changes.map(resultOf) }),
    });
    return response;
  };
}

function intentsOf(request: ApplyResourcesRequest, view: ResourceView): Intent[] {
  const puts = request.resources.map((resource, index): Intent => {
    return { type: "put", field: `resources[${index}]`, mode: "apply", resource };
  });
  const deletions = request.deleteNames.map((name, index): Intent => {
    return { type: "delete", field: `delete_names[${index}]`, name, etag: "", single: false };
  });
  const listed = new Set(request.deleteNames);
  for (const { resource } of request.resources) listed.add(resource.value?.name ?? "");
  return [...puts, ...deletions, ...pruneIntents(view, request.pruneLabels, listed)];
}

function resultOf({ name, change, after }: PlannedChange) {
  return { name, change: changeKinds[change], etag: after?.message.etag ?? "" };
}

function checkCount(field: string, count: number): void {
  if (count <= maxResources) return;
  const description = `has ${count} items, at most ${maxResources} are allowed`;
  throw new GatewayError("FIELD_INVALID", `The field ${field} ${description}.`, {
    fieldViolations: [{ field, description }],
  });
}
