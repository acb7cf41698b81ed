export { monotonicMs, wallMs } from "./src/time.ts";
export type { MonotonicMs, WallMs } from "./src/time.ts";
