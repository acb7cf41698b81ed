import { describe, expect, it } from "vitest";
import type { FormatName } from "../format.ts";
import { formats } from "../formats.ts";
import { lossProbes } from "./loss-probes.fixture.ts";
import { lossOf } from "./loss-table.fixture.ts";

/** What a target leaves out without a word, each with the reason. */
const keepsAlone = "the vendor keeps prompts without being asked to";
const silent: Readonly<Record<string, string>> = {
  "google-generate-content: cache marker": keepsAlone,
  "openai-chat: cache marker": keepsAlone,
  "openai-responses: cache marker": keepsAlone,
  "google-generate-content: name of the end user": "is for the vendor's records, not the answer",
};

const names = Object.keys(formats) as FormatName[];
const pairs = ["gRPC" as const, ...names].flatMap((from) => names.map((to) => ({ from, to })));

describe.each(pairs)("from $from to $to", ({ from, to }) => {
  it.each(lossProbes)("$name is not lost without a word", (probe) => {
    const loss = lossOf(from === "gRPC" ? undefined : formats[from], formats[to], probe);
    if (loss === "lost") expect(Object.keys(silent)).toContain(`${to}: ${probe.name}`);
    // Who speaks the same format understands everything.
    if (from === to) expect(["kept", "none"]).toContain(loss);
  });
});
