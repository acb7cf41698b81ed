import type { MessageShape, DescMessage } from "@bufbuild/protobuf";
import type { FieldMask } from "@bufbuild/protobuf/wkt";
import type { HandlerContext } from "@connectrpc/connect";
import { withStorageErrors } from "@penstock/database";
import { GatewayError } from "@penstock/errors";
import { expectResourceName, listQuery, pageSize } from "@penstock/rpc";
import type { ResourceMessage } from "@penstock/snapshot";
import { notFound } from "../changes/plan-changes.ts";
import { withoutSecrets } from "../resources/kinds.ts";
import { asResource } from "../resources/resource-kind.ts";
import type { ResourceKind } from "../resources/resource-kind.ts";
import { readPage, readResource } from "../storage/resource-store.ts";
import { applyChange } from "./apply-change.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { listFieldOf, serviceOfKind, standardMethodsOf } from "./standard-methods.ts";

/** The fields of all five standard requests; each has some of them. */
interface StandardRequest {
  readonly name: string;
  readonly parent?: string;
  readonly pageSize: number;
  readonly pageToken: string;
  readonly requestId: string;
  readonly updateMask?: FieldMask;
  readonly allowMissing: boolean;
  readonly validateOnly: boolean;
  readonly etag: string;
}

/** A handler whose types are those of its method's descriptor. */
export type StandardHandler = (request: unknown, context: HandlerContext) => Promise<unknown>;

/** Last touch on a created resource, and what the answer shows besides; made per request. */
export type CreateHook = () => {
  finish(message: ResourceMessage, nowMs: number): void;
  readonly answer: Readonly<Record<string, unknown>>;
};

/** Largest page of resources; answers stay far below what a client reads at once. */
const maxPageBytes = 4 * 1_024 * 1_024;

/** Get, List, Create, Update and Delete of one kind, by the local names of the methods. */
export function standardHandlers(
  kind: ResourceKind,
  deps: ApiDependencies,
  createHook?: CreateHook,
): Record<string, StandardHandler> {
  const methods = standardMethodsOf(serviceOfKind[kind.case]);
  return {
    [methods.get.localName]: getHandler(kind, deps),
    [methods.list.localName]: listHandler(kind, deps, methods.list),
    [methods.create.localName]: createHandler(kind, deps, createHook),
    [methods.update.localName]: updateHandler(kind, deps),
    [methods.delete.localName]: deleteHandler(kind, deps),
  };
}

function getHandler(kind: ResourceKind, { db }: ApiDependencies): StandardHandler {
  return async (request) => {
    const { name } = request as StandardRequest;
    expectResourceName(name, kind.collection, "name");
    const resource = await withStorageErrors(() => readResource(db, name));
    if (resource === undefined) throw notFound(name);
    return { [kind.case]: withoutSecrets(resource).resource.value };
  };
}

function listHandler(
  kind: ResourceKind,
  { db, pageTokens }: ApiDependencies,
  method: { readonly input: DescMessage; readonly output: DescMessage },
): StandardHandler {
  const field = listFieldOf(method.output);
  return async (request) => {
    const { pageToken, parent, pageSize: asked } = request as StandardRequest;
    const limit = pageSize(asked, { byDefault: 100 });
    const query = listQuery(method.input, request as MessageShape<DescMessage>);
    const page = {
      collections: [kind.collection],
      parent: parent === undefined ? undefined : parentOf(parent),
      labels: {},
      after: pageToken === "" ? "" : pageTokens.decode(pageToken, query),
      limit,
    };
    const { items, more } = await withStorageErrors(() => readPage(db, page, maxPageBytes));
    const last = items.at(-1)?.name ?? "";
    return {
      [field]: items.map(({ resource }) => withoutSecrets(resource).resource.value),
      nextPageToken: more ? pageTokens.encode(last, query) : "",
    };
  };
}

/** `projects/-` stands for all projects. */
function parentOf(parent: string): string | undefined {
  if (parent === "projects/-") return undefined;
  expectResourceName(parent, "projects", "parent");
  return parent;
}

function createHandler(
  kind: ResourceKind,
  { writer }: ApiDependencies,
  createHook?: CreateHook,
): StandardHandler {
  const { create: method } = standardMethodsOf(serviceOfKind[kind.case]);
  return async (request, context) => {
    const message = givenMessage(kind, request);
    const { validateOnly } = request as StandardRequest;
    const hook = validateOnly ? undefined : createHook?.();
    const { response, repeated } = await applyChange(writer, {
      context,
      output: method.output,
      validateOnly,
      repeatable: {
        schema: method.input,
        message: request as MessageShape<DescMessage> & { requestId: string },
      },
      intents: () => [
        {
          type: "put",
          field: kind.case,
          mode: "create",
          resource: asResource(kind, message),
          finish: hook?.finish,
        },
      ],
      respond: ({ changes, revision }) => ({ ...answerOf(kind, changes[0]?.after), revision }),
    });
    // A secret is in no stored answer, so a repeated request can't show it again.
    return repeated ? response : Object.assign(response, hook?.answer);
  };
}

function updateHandler(kind: ResourceKind, { writer }: ApiDependencies): StandardHandler {
  const { update: method } = standardMethodsOf(serviceOfKind[kind.case]);
  return async (request, context) => {
    const message = givenMessage(kind, request);
    const { validateOnly, allowMissing, updateMask } = request as StandardRequest;
    const { response } = await applyChange(writer, {
      context,
      output: method.output,
      validateOnly,
      intents: () => [
        {
          type: "put",
          field: kind.case,
          mode: "update",
          resource: asResource(kind, message),
          mask: updateMask,
          allowMissing,
        },
      ],
      respond: ({ changes, revision }) => ({ ...answerOf(kind, changes[0]?.after), revision }),
    });
    return response;
  };
}

function deleteHandler(kind: ResourceKind, { writer }: ApiDependencies): StandardHandler {
  const { delete: method } = standardMethodsOf(serviceOfKind[kind.case]);
  return async (request, context) => {
    const { name, etag, validateOnly } = request as StandardRequest;
    expectResourceName(name, kind.collection, "name");
    const { response } = await applyChange(writer, {
      context,
      output: method.output,
      validateOnly,
      intents: () => [{ type: "delete", field: "name", name, etag, single: true }],
      respond: ({ revision }) => ({ revision }),
    });
    return response;
  };
}

function givenMessage(kind: ResourceKind, request: unknown): ResourceMessage {
  const message = (request as Record<string, ResourceMessage | undefined>)[kind.case];
  if (message !== undefined) return message;
  const description = "is required";
  throw new GatewayError("FIELD_INVALID", `The field ${kind.case} ${description}.`, {
    fieldViolations: [{ field: kind.case, description }],
  });
}

/** The field of an answer that holds the resource. */
export function answerOf(
  kind: ResourceKind,
  stored: { readonly message: ResourceMessage } | undefined,
): Record<string, unknown> {
  return stored === undefined ? {} : { [kind.case]: kind.withoutSecrets(stored.message) };
}
