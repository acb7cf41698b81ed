import { parseArgs } from "node:util";
import { benchParts, pairNames } from "@penstock/test-load";
import type { BenchPart } from "@penstock/test-load";

/** What the user typed behind `npm run bench --`. */
export interface BenchFlags {
  readonly help: boolean;
  readonly quick: boolean;
  readonly json: boolean;
  readonly parts?: readonly BenchPart[];
  /** Only these pairs of formats. */
  readonly pairs?: readonly string[];
  readonly profileFolder?: string | undefined;
}

const names = Object.keys(benchParts) as BenchPart[];

/** The flags, and every part with what it measures. */
export function benchUsage(): string {
  const width = Math.max(...names.map((name) => name.length));
  return [
    "usage: npm run bench -- [--quick] [--only PART[,PART]] [--profile DIR] [-o json]",
    "",
    "  --quick        fewer and shorter rounds: for a look, not for figures that are quoted",
    "  --only PART    only these parts; all of them (lanes in full) when absent:",
    ...names.map((name) => `                   ${name.padEnd(width)}  ${benchParts[name]}`),
    "                 or of the pairs only these, door/provider:",
    ...pairNames.map((name) => `                   ${name}`),
    "                 All of it takes about half an hour, --quick ten minutes; of that the pairs",
    "                 thirteen and four minutes.",
    "  --profile DIR  writes CPU profiles of routers there",
    "  -o json        everything that was measured, for programs",
  ].join("\n");
}

/** Reads the flags. Throws an error that says what is wrong with them. */
export function readBenchFlags(given: readonly string[]): BenchFlags {
  const { values } = parseArgs({
    args: given.filter((one) => one !== "--"),
    options: {
      help: { type: "boolean", short: "h", default: false },
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      profile: { type: "string" },
      output: { type: "string", short: "o", default: "table" },
    },
  });
  const { help, quick, only, profile: profileFolder, output } = values;
  if (!["table", "json"].includes(output)) throw new Error(`no such output: ${output}`);
  const flags = { help, quick, json: output === "json", profileFolder };
  return only === undefined ? flags : { ...flags, ...readOnly(only.split(",")) };
}

/** The names of parts and of pairs; pairs by name are the part `pairs`. */
function readOnly(given: readonly string[]): Pick<BenchFlags, "parts" | "pairs"> {
  const wanted = given.map((one) => one.trim());
  const pairs = wanted.filter((one) => pairNames.includes(one));
  const parts = wanted.filter((one) => !pairNames.includes(one)).map(readPart);
  if (pairs.length === 0) return { parts };
  return parts.includes("pairs") ? { parts } : { parts: [...parts, "pairs"], pairs };
}

function readPart(text: string): BenchPart {
  const part = names.find((name) => name === text);
  if (part === undefined) throw new Error(`no such part: ${text}`);
  return part;
}
