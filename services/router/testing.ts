export { Spool } from "./src/usage/spool.ts";
export { UsageEmitter } from "./src/usage/usage-emitter.ts";
