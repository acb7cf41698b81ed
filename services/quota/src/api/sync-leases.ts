import type { LeaseService } from "@penstock/api";
import type { ServiceImpl } from "@connectrpc/connect";

import type { SyncQueue } from "../leases/sync-queue.ts";
import { readSync } from "./read-sync.ts";

/** Handles `SyncLeases`. */
export function syncLeases(
  queue: Pick<SyncQueue, "run">,
): ServiceImpl<typeof LeaseService>["syncLeases"] {
  return (request) => queue.run(readSync(request));
}
