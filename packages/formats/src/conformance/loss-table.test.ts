import { describe, expect, it } from "vitest";
import type { FormatName } from "../format.ts";
import { formats } from "../formats.ts";
import { lossProbes } from "./loss-probes.fixture.ts";
import { lossOf } from "./loss-table.fixture.ts";

/** Pairs that leave something out without a word, each with the reason. */
const silent: Readonly<Record<string, string>> = {};

const names = Object.keys(formats) as FormatName[];
const pairs = ["gRPC" as const, ...names].flatMap((from) => names.map((to) => ({ from, to })));

describe.each(pairs)("from $from to $to", ({ from, to }) => {
  it.each(lossProbes)("$name is not lost without a word", (probe) => {
    const loss = lossOf(from === "gRPC" ? undefined : formats[from], formats[to], probe);
    const known = Object.hasOwn(silent, `${from} → ${to}: ${probe.name}`);
    expect(loss === "lost").toBe(known);
    // Who speaks the same format understands everything.
    if (from === to) expect(["kept", "none"]).toContain(loss);
  });
});
