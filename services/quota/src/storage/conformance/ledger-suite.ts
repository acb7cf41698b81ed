import type { DatabaseServer } from "@penstock/database";
import { afterAll, beforeAll, describe } from "vitest";

import { describeCharges } from "./charge-suite.ts";
import { describeHistories } from "./ledger-history.ts";
import { describeAdjustments, describeRace, describeReplicas } from "./race-suite.ts";
import { describeStorm } from "./storm-suite.ts";
import { describeGrants, describeSyncSpeed, describeWarmUp } from "./sync-suite.ts";
import { describeChanges, describeLeaseEnds } from "./time-suite.ts";

/** What every database must do for the ledger; `open` gives an empty one. */
export function describeLedger(name: string, open: () => Promise<DatabaseServer>): void {
  describe(`the ledger on ${name}`, () => {
    let server: DatabaseServer;
    beforeAll(async () => {
      server = await open();
    });
    afterAll(() => server.close());

    describeGrants(() => server);
    describeWarmUp(() => server);
    describeSyncSpeed(() => server);
    describeCharges(() => server);
    describeLeaseEnds(() => server);
    describeChanges(() => server);
    describeRace(() => server);
    describeReplicas(() => server);
    describeAdjustments(() => server);
    describeStorm(() => server);
    describeHistories(() => server, 20);
  });
}
