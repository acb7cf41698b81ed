import type { ListResourcesRequest } from "@penstock/api";
import { ListResourcesRequestSchema } from "@penstock/api";
import { inTransaction, withStorageErrors } from "@penstock/database";
import { GatewayError } from "@penstock/errors";
import { listQuery, pageSize } from "@penstock/rpc";
import { kindOfCollection, withoutSecrets } from "../resources/kinds.ts";
import { readRevision } from "../storage/installation-store.ts";
import { readPage } from "../storage/resource-store.ts";
import type { ApiDependencies } from "./dependencies.ts";

const maxPageBytes = 4 * 1_024 * 1_024;

/** Resources of all kinds by name, with the revision at which the page was read. */
export function listResources({ db, pageTokens }: ApiDependencies) {
  return async (request: ListResourcesRequest) => {
    const limit = pageSize(request.pageSize, { byDefault: 100 });
    checkCollections(request.collections);
    const query = listQuery(ListResourcesRequestSchema, request);
    const { collections, labels, pageToken } = request;
    const after = pageToken === "" ? "" : pageTokens.decode(pageToken, query);
    const { items, more, revision } = await withStorageErrors(() =>
      inTransaction(
        db,
        async (trx) => {
          const page = await readPage(trx, { collections, labels, after, limit }, maxPageBytes);
          return { ...page, revision: await readRevision(trx) };
        },
        { isolation: "repeatable read" },
      ),
    );
    return {
      resources: items.map(({ resource }) => withoutSecrets(resource)),
      nextPageToken: more ? pageTokens.encode(items.at(-1)?.name ?? "", query) : "",
      revision,
    };
  };
}

function checkCollections(collections: readonly string[]): void {
  const fieldViolations = collections.flatMap((collection, index) =>
    kindOfCollection(collection) === undefined
      ? [{ field: `collections[${index}]`, description: "is not a collection" }]
      : [],
  );
  if (fieldViolations.length === 0) return;
  throw new GatewayError("FIELD_INVALID", "The field collections names unknown collections.", {
    fieldViolations: fieldViolations.slice(0, 20),
  });
}
