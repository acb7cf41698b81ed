import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { QueryUsageResponse, UsageRow } from "@penstock/api";
import { UsageDimension } from "@penstock/api";
import { formatMoney } from "@penstock/pricing";
import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { parseMomentMs } from "../output/parse-times.ts";
import type { Column } from "../output/render-table.ts";
import { renderTable } from "../output/render-table.ts";
import type { CommandIo } from "./command-io.ts";
import { addExamples, addOutputOption, addTargetOptions, nameFor } from "./command-options.ts";
import type { CommandSession, TargetOptions } from "./command-session.ts";
import { withSession } from "./command-session.ts";

const dimensions = {
  team: UsageDimension.TEAM,
  project: UsageDimension.PROJECT,
  key: UsageDimension.VIRTUAL_KEY,
  model: UsageDimension.MODEL,
  provider: UsageDimension.PROVIDER,
  deployment: UsageDimension.DEPLOYMENT,
  day: UsageDimension.DAY,
  outcome: UsageDimension.OUTCOME,
  "end-user": UsageDimension.END_USER,
  route: UsageDimension.ROUTE,
  tier: UsageDimension.SERVICE_TIER,
} as const;

type DimensionName = keyof typeof dimensions;

interface UsageFlags extends TargetOptions {
  readonly groupBy: readonly DimensionName[];
  readonly since?: number;
  readonly until?: number;
  readonly team?: string;
  readonly project?: string;
  readonly key?: string;
  readonly model?: string;
  readonly provider?: string;
  readonly output: string;
}

/** Adds `penstock usage`. */
export function addUsageCommand(
  program: Command,
  io: CommandIo,
  exit: (code: number) => void,
): void {
  const names = Object.keys(dimensions).join(", ");
  const command = program
    .command("usage")
    .summary("show requests, tokens and cost")
    .description("Sums requests, tokens and cost in US dollars, exact to the last digit.")
    .option("--group-by <list>", `up to four of ${names}`, readDimensions, ["model"])
    .option("--since <moment>", "24h, 7d, 2026-01-31 or a time", readMoment)
    .option("--until <moment>", "likewise", readMoment)
    .option("--team <team>", "only this team")
    .option("--project <project>", "only this project")
    .option("--key <key>", "only this virtual key, <project>/<id>")
    .option("--model <model>", "only this model, as callers ask for it")
    .option("--provider <provider>", "only where this provider came last");
  addOutputOption(addTargetOptions(command), ["table", "json"]);
  addExamples(command, [
    "penstock usage",
    "penstock usage --group-by team,model --since 7d",
    "penstock usage --group-by day --key demo/demo -o json",
  ]);
  command.action(async (flags: UsageFlags) => {
    exit(await withSession(io, flags, (session) => showUsage(session, flags)));
  });
}

async function showUsage(session: CommandSession, flags: UsageFlags): Promise<void> {
  const { since, until, team, project, key, model, provider } = flags;
  const response = await session.control().usage.queryUsage({
    groupBy: flags.groupBy.map((name) => dimensions[name]),
    filter: {
      ...(since === undefined ? {} : { startTime: timestampFromMs(since) }),
      ...(until === undefined ? {} : { endTime: timestampFromMs(until) }),
      team: team === undefined ? "" : nameFor("teams", team),
      project: project === undefined ? "" : nameFor("projects", project),
      virtualKey: key === undefined ? "" : nameFor("virtualKeys", key),
      model: model ?? "",
      provider: provider === undefined ? "" : nameFor("providers", provider),
    },
  });
  session.io.out(
    flags.output === "json" ? renderJson(response, flags.groupBy) : render(response, flags.groupBy),
  );
  if (response.truncated) session.io.talk("Only the first 10,000 groups are shown.\n");
  const { estimatedRequests, unpricedRequests } = response.total ?? {};
  if (estimatedRequests !== undefined && estimatedRequests > 0n) {
    session.io.talk(`${estimatedRequests} request(s) rest on an estimate.\n`);
  }
  if (unpricedRequests !== undefined && unpricedRequests > 0n) {
    session.io.talk(
      `${unpricedRequests} request(s) have no price; their cost is not in the sum.\n`,
    );
  }
}

function render(response: QueryUsageResponse, groupBy: readonly DimensionName[]): string {
  const numbers = ["REQUESTS", "COMPLETED", "REFUSED", "ATTEMPTS", "INPUT", "OUTPUT", "COST USD"];
  const columns: Column[] = [
    ...groupBy.map((name) => ({ heading: name.toUpperCase() })),
    ...numbers.map((heading) => ({ heading, isNumber: true })),
  ];
  const rows = response.rows.map((row) => [
    ...groupBy.map((_, index) => row.dimensions[index] || "-"),
    ...numbersOf(row),
  ]);
  if (response.total !== undefined && groupBy.length > 0) {
    const label = groupBy.map((_, index) => (index === 0 ? "total" : ""));
    rows.push([...label, ...numbersOf(response.total)]);
  }
  return renderTable(columns, rows);
}

function numbersOf(row: UsageRow): string[] {
  const counts = [
    row.requests,
    row.completedRequests,
    row.refusedRequests,
    row.attempts,
    row.inputTokens,
    row.outputTokens,
  ];
  return [...counts.map(String), formatMoney(row.costNanoUsd)];
}

function renderJson(response: QueryUsageResponse, groupBy: readonly DimensionName[]): string {
  const rows = response.rows.map((row) => {
    const values = groupBy.map((name, index) => [name, row.dimensions[index] ?? ""] as const);
    return { ...Object.fromEntries(values), ...fieldsOf(row) };
  });
  const { total, truncated } = response;
  const fields = { rows, total: total === undefined ? null : fieldsOf(total), truncated };
  return `${JSON.stringify(fields, undefined, 2)}\n`;
}

/** Counts are numbers, money is text: it has more digits than a JSON number keeps. */
function fieldsOf(row: UsageRow) {
  return {
    requests: Number(row.requests),
    completedRequests: Number(row.completedRequests),
    refusedRequests: Number(row.refusedRequests),
    attempts: Number(row.attempts),
    inputTokens: Number(row.inputTokens),
    outputTokens: Number(row.outputTokens),
    costUsd: formatMoney(row.costNanoUsd),
    costNanoUsd: String(row.costNanoUsd),
    estimatedRequests: Number(row.estimatedRequests),
    unpricedRequests: Number(row.unpricedRequests),
  };
}

function readDimensions(text: string): DimensionName[] {
  const names = text.split(",").map((name) => name.trim());
  const isKnown = (name: string): name is DimensionName => Object.hasOwn(dimensions, name);
  if (names.length <= 4 && names.every(isKnown)) return names;
  const known = Object.keys(dimensions).join(", ");
  throw new InvalidArgumentError(`It must be up to four of ${known}, with commas between.`);
}

function readMoment(text: string): number {
  const moment = parseMomentMs(text, Date.now());
  if (moment === undefined) throw new InvalidArgumentError("Write it as 24h, 7d or 2026-01-31.");
  return moment;
}
