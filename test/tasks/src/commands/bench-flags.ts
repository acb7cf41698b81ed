import { parseArgs } from "node:util";
import type { BenchPart } from "@penstock/test-load";

/** What the user typed behind `npm run bench --`. */
export interface BenchFlags {
  readonly quick: boolean;
  readonly json: boolean;
  readonly parts?: readonly BenchPart[];
  readonly profileFolder?: string | undefined;
}

const parts = ["json", "lanes", "stall"] as const;

/** Reads the flags; undefined when one is not known. */
export function readBenchFlags(given: readonly string[]): BenchFlags | undefined {
  try {
    const { values } = parseArgs({
      args: given.filter((one) => one !== "--"),
      options: {
        quick: { type: "boolean", default: false },
        only: { type: "string" },
        profile: { type: "string" },
        output: { type: "string", short: "o", default: "table" },
      },
    });
    const only = parts.find((part) => part === values.only);
    if (values.only !== undefined && only === undefined) return undefined;
    if (!["table", "json"].includes(values.output)) return undefined;
    const flags = { quick: values.quick, json: values.output === "json" };
    const profiled = { ...flags, profileFolder: values.profile };
    return only === undefined ? profiled : { ...profiled, parts: [only] };
  } catch {
    return undefined;
  }
}
