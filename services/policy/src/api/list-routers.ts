import { withStorageErrors } from "@penstock/database";
import { readHead } from "../storage/installation-store.ts";
import type { ApiDependencies } from "./dependencies.ts";

/** The routers seen in the last 30 s and the newest revision. */
export function listRouters({ db, routers }: ApiDependencies) {
  return async () => {
    const { revision, installationId } = await withStorageErrors(() => readHead(db));
    return { routers: routers.list(), revision, installationId };
  };
}
