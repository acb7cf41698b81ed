import { table } from "../render-table.ts";
import type { Quoted } from "../rounds.ts";
import type { PairsOfKind, PairsReport } from "./measure-pairs.ts";
import { boundOf, pairName, passesThrough } from "./pairs.ts";
import type { PairKind } from "./pairs.ts";

const titles: Readonly<Record<PairKind, string>> = { json: "HTTP JSON", stream: "HTTP SSE" };

/** Every pair beside the floor, by kind of request. */
export function renderPairs(report: PairsReport | undefined): string[] {
  if (report === undefined) return [];
  const { requests, refused, records, problems } = report.verification;
  return [
    ...report.kinds.flatMap(renderKind),
    `  ${requests} requests (${refused} refused), ${records} usage records`,
    ...problems.map((problem) => `  WRONG: ${problem}`),
    "",
  ];
}

function renderKind({ kind, floor, results }: PairsOfKind): string[] {
  const figures = (one: Quoted): string[] => [
    one.cpuUsQ1.toFixed(1),
    one.cpuUsMedian.toFixed(1),
    one.requestsPerSecond.toFixed(0),
    String(one.failures),
  ];
  const rows = results.map(({ pair, quoted, ratio }) => {
    const bound = boundOf(pair, kind);
    return [
      `${pairName(pair)}, ${passesThrough(pair) ? "passed through" : "translated"}`,
      ...figures(quoted),
      ratio.toFixed(2),
      bound.toFixed(2),
      ratio <= bound ? "holds" : "MORE",
    ];
  });
  const unit = kind === "json" ? "request" : "stream";
  const head = ["q1", "median", "requests/s", "failed", "× floor", "wanted", ""];
  return [
    `pairs of formats, door/provider — ${titles[kind]}`,
    ...table([
      [`CPU µs per ${unit}`, ...head],
      ["floor (bare relay of openai-chat)", ...figures(floor), "", "", ""],
      ...rows,
    ]),
    "",
  ];
}
