import { proveClaims } from "./claims/prove-claims.ts";

process.exitCode = await proveClaims(process.argv.slice(2).filter((one) => one !== "--"));
