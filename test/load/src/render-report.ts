import type { BenchReport, LaneResult } from "./bench-report.ts";
import { renderPairs } from "./pairs/render-pairs.ts";
import { renderDurability, renderShapes, renderWorkers } from "./render-parts.ts";
import { table } from "./render-table.ts";
import type { Quoted } from "./rounds.ts";
import type { StallReport } from "./stall.ts";
import type { Verification } from "./verify.ts";

/** What the issue asks for; timings never fail a run. */
export const bounds = { jsonRatio: 1.8, stallMs: 50 } as const;

/** The report as people read it. */
export function renderReport(report: BenchReport): string {
  const { machine, tools, warnings } = report;
  const lines = [
    `${machine.date}  commit ${machine.commit}  load average ${machine.loadAverage.toFixed(1)}`,
    machine.description,
    `tools: ${tools}`,
    ...warnings.map((warning) => `WARNING: ${warning}`),
    "",
    ...report.lanes.flatMap(renderLane),
    ...renderVerification(report.verification),
    ...renderPairs(report.pairs),
    ...renderShapes(report.shapes),
    ...renderDurability(report.durability),
    ...renderWorkers(report.workers),
    ...renderAllInOne(report.allInOne),
    ...renderStall(report.stall),
  ];
  return `${lines.join("\n").trimEnd()}\n`;
}

function renderLane(lane: LaneResult): string[] {
  const bound = lane.name === "HTTP JSON" ? `, at most ${bounds.jsonRatio} wanted` : "";
  const rows = lane.saturated.map((one) => [
    one.name === "penstock" ? "Penstock's router" : "floor (bare relay)",
    (one.cpuUsQ1 / lane.unitsPerRequest).toFixed(1),
    (one.cpuUsMedian / lane.unitsPerRequest).toFixed(1),
    one.requestsPerSecond.toFixed(0),
    String(one.failures),
  ]);
  const latency = (one: Quoted): number => (lane.firstByte ? one.firstByteP50Us : one.p50Us) ?? 0;
  const direct = lane.paced[0] === undefined ? 0 : latency(lane.paced[0]);
  const added = lane.paced
    .slice(1)
    .map((one) => `${one.name} +${((latency(one) - direct) / 1_000).toFixed(2)} ms`);
  return [
    `${lane.name} — ${lane.load}`,
    ...table([[`CPU µs per ${lane.unit}`, "q1", "median", "requests/s", "failed"], ...rows]),
    `  ratio ${lane.ratio.toFixed(2)}${bound}; added P50 at ${lane.pace}: ${added.join(", ")}`,
    "",
  ];
}

function renderVerification(verification: Verification | undefined): string[] {
  if (verification === undefined) return [];
  const { requests, refused, records, postedNanoUsd, expectedCostNanoUsd, traced } = verification;
  return [
    "verified afterwards",
    `  ${requests} requests (${refused} refused), ${records} usage records`,
    `  ledger posted ${postedNanoUsd} nano-USD, price × tokens = ${expectedCostNanoUsd}`,
    ...(traced === undefined ? [] : [`  ${(traced * 100).toFixed(2)} % of requests traced`]),
    `  complete ${(verification.settledAfterMs / 1_000).toFixed(1)} s after the last request`,
    ...verification.problems.map((problem) => `  WRONG: ${problem}`),
    "",
  ];
}

function renderAllInOne(variants: readonly Quoted[]): string[] {
  const [floor, whole] = variants;
  if (floor === undefined || whole === undefined) return [];
  const ratio = (whole.cpuUsQ1 / floor.cpuUsQ1).toFixed(1);
  return [
    "for information: HTTP JSON through `start`, everything in one process, all threads counted",
    `  ${whole.cpuUsQ1.toFixed(0)} µs per request, ${ratio} × floor`,
    "",
  ];
}

function renderStall(report: StallReport | undefined): string[] {
  if (report === undefined) return [];
  const { stall, idle, policyWrites, requests, streams, seconds } = report;
  const beside = `${policyWrites} policy writes, ${requests} usage events, ${streams} streams`;
  return [
    `longest event-loop stall of \`start\` — ${beside}, ${seconds.toFixed(0)} s`,
    `  ${stall.longestMs.toFixed(1)} ms, of which ${stall.cpuMs.toFixed(1)} ms on the processor` +
      ` (histogram: ${stall.histogramMs.toFixed(1)} ms); at most ${bounds.stallMs} wanted`,
    `  an idle process beside it: ${idle.longestMs.toFixed(1)} ms`,
    "",
  ];
}
