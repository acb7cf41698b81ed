import { demoVariables } from "./demo-env.ts";

/** Begin as settings do, but are for callers: whoever has read demo.env has them set. */
export const callerVariables: readonly string[] = [...demoVariables, "PENSTOCK_API_KEY"].filter(
  (name) => name.startsWith("PENSTOCK_"),
);
