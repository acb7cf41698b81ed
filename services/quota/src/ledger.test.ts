import { openTestDatabase } from "@penstock/database/testing";

import { describeLedger } from "./conformance/ledger-suite.ts";

describeLedger("PGlite", () => openTestDatabase());
