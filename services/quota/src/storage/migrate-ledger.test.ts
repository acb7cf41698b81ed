import { describeFrozenMigrations } from "@penstock/database/testing";
import { ledgerSchema } from "./migrate-ledger.ts";

describeFrozenMigrations(ledgerSchema, {
  "0001-ledger": "ebb7cbadc7861f44",
  "0002-adjustment-actor": "b286e210ab87996f",
});
