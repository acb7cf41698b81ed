import type { ServiceImpl } from "@connectrpc/connect";
import type { LeaseService } from "@penstock/api";

import type { SyncQueue } from "../leases/sync-queue.ts";
import { FieldProblems, checkLife, readReports } from "./read-sync.ts";

// The last word of a holder: newer than any sync of its life.
const lastSequence = 2n ** 63n - 1n;

/** Handles `ReturnLeases`: a sync without wishes whose reports are all closed. */
export function returnLeases(
  queue: Pick<SyncQueue, "run">,
): ServiceImpl<typeof LeaseService>["returnLeases"] {
  return async ({ holder, epoch, reports }) => {
    const problems = new FieldProblems();
    checkLife({ holder, epoch }, problems);
    const closed = readReports(reports, lastSequence, problems).map((report) => ({
      ...report,
      closed: true,
    }));
    problems.throwIfAny();
    await queue.run({
      holder,
      epoch,
      // Not kept among the answers: giving back twice changes nothing.
      sequence: 0n,
      reports: closed,
      wants: [],
      retiredEpochs: [],
      revision: 0n,
    });
    return {};
  };
}
