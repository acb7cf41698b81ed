import { verifyLive } from "./live/verify-live.ts";

process.exitCode = await verifyLive();
