import { openTestDatabase } from "@penstock/database/testing";

import { describeLedger } from "../../testing.ts";

describeLedger("PGlite", () => openTestDatabase());
