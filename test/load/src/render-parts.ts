import type { DurabilityReport } from "./durability.ts";
import { table } from "./render-table.ts";
import type { Quoted } from "./rounds.ts";
import type { ShapesReport } from "./shapes.ts";
import type { Verification } from "./verify.ts";
import type { WorkersReport } from "./workers.ts";

/** Both shapes, with the definition of what is compared. */
export function renderShapes(report: ShapesReport | undefined): string[] {
  if (report === undefined) return [];
  const { distributed, laptop, laptopWhole, consumersUs, ratio, noise, holds } = report;
  const row = (name: string, one: Quoted): string[] => [
    name,
    one.cpuUsQ1.toFixed(1),
    one.cpuUsMedian.toFixed(1),
    one.mainUsQ1.toFixed(1),
    one.requestsPerSecond.toFixed(0),
    String(one.failures),
  ];
  const consumers = (us: number): string[] => {
    return ["  consumers, once let go", us.toFixed(1), "", "", "", ""];
  };
  const percent = (noise * 100).toFixed(0);
  return [
    "shapes — HTTP JSON, the path of a request: until its answer is with the caller and its usage",
    "event on the bus. In one process the consumers of events (quota posts, telemetry stores) work on",
    "the same threads; they are held up while the path is measured, and measured when let go.",
    ...table([
      ["CPU µs per request", "q1", "median", "main thread q1", "requests/s", "failed"],
      row("router alone, NATS and quota by network", distributed),
      consumers(consumersUs.distributed),
      row("all in one process", laptop),
      consumers(consumersUs.laptop),
      row("all in one process, nothing held up", laptopWhole),
    ]),
    `  distributed ÷ laptop ${ratio.toFixed(2)}, rounds differ by ${percent} %: the distributed path` +
      ` costs ${holds ? "no more" : "MORE"}`,
    ...renderProblems(report.verified),
    "",
  ];
}

/** The modes beside the default. */
export function renderDurability(report: DurabilityReport | undefined): string[] {
  if (report === undefined) return [];
  const rows = report.modes.map(({ name, quoted, cpuRatio, addedP50Us, addedP50Ratio }) => [
    name,
    quoted.cpuUsQ1.toFixed(0),
    `× ${cpuRatio.toFixed(2)}`,
    (addedP50Us / 1_000).toFixed(2),
    `× ${addedP50Ratio.toFixed(1)}`,
    String(quoted.failures),
  ]);
  return [
    `durability of usage — HTTP JSON at ${report.pace}, beside the default (disk)`,
    ...table([["router", "CPU µs", "", "added P50 ms", "", "failed"], ...rows]),
    ...renderProblems([report.verification]),
    "",
  ];
}

/** Two workers beside a single process. */
export function renderWorkers(report: WorkersReport | undefined): string[] {
  if (report === undefined) return [];
  const { single, group, ratio, shares } = report;
  const row = (name: string, one: Quoted): string[] => [
    name,
    one.cpuUsQ1.toFixed(1),
    one.cpuUsMedian.toFixed(1),
    one.requestsPerSecond.toFixed(0),
    String(one.failures),
  ];
  const split = shares.map((share) => `${(share * 100).toFixed(0)} %`).join(" and ");
  return [
    "workers — HTTP JSON through `start --role router`, on one core: it shows what workers add to the",
    "cost of a request, not how they scale; that needs more cores than two.",
    ...table([
      ["CPU µs per request", "q1", "median", "requests/s", "failed"],
      row("one process", single),
      row("two workers and their primary", group),
    ]),
    `  ratio ${ratio.toFixed(2)}; of the work the workers did ${split}`,
    ...renderProblems([report.verification]),
    ...report.problems.map((problem) => `  WRONG: ${problem}`),
    "",
  ];
}

function renderProblems(verified: readonly Verification[]): string[] {
  return verified.flatMap(({ requests, records, refused, problems }) => [
    `  ${requests} requests (${refused} refused), ${records} usage records`,
    ...problems.map((problem) => `  WRONG: ${problem}`),
  ]);
}
