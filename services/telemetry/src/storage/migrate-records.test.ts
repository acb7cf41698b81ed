import { describeFrozenMigrations } from "@penstock/database/testing";
import { recordsSchema } from "./migrate-records.ts";

describeFrozenMigrations(recordsSchema, {
  "0001-records": "aa39ba2d65d9bc3a",
  "0002-service-tier": "f30cd3c7210a1e2f",
});
