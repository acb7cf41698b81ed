import { describeFrozenMigrations } from "@penstock/database/testing";
import { policySchema } from "./migrate-policy.ts";

describeFrozenMigrations(policySchema, { "0001-first-tables": "45b7f9a37023f951" });
