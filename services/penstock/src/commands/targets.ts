import { durationMs } from "@bufbuild/protobuf/wkt";
import type {
  ListTargetHealthResponse,
  TargetHealth,
  TargetWindow,
  ToldLimit,
} from "@penstock/api";
import { ListTargetHealthResponseSchema } from "@penstock/api";
import type { Command } from "commander";
import { formatDuration, formatTime } from "../output/format-time.ts";
import { renderJson } from "../output/render-json.ts";
import { renderTable } from "../output/render-table.ts";
import type { CommandIo } from "./command-io.ts";
import { addExamples, addOutputOption, addTargetOptions } from "./command-options.ts";
import type { TargetOptions } from "./command-session.ts";
import { withSession } from "./command-session.ts";

/** Adds `penstock targets`. */
export function addTargetsCommand(
  program: Command,
  io: CommandIo,
  exit: (code: number) => void,
): void {
  const command = program
    .command("targets")
    .summary("show how deployments do: uptime, time to first token, speed")
    .description(
      "Asks a router how the deployments do that it has asked: whether each is planned now, and its\n" +
        "attempts, times and speeds of the last minute, quarter of an hour, hour and day. LEFT is what\n" +
        "its provider told last of its limits.",
    );
  addOutputOption(addTargetOptions(command), ["table", "json"]);
  addExamples(command, ["penstock targets"]);
  command.action(async (flags: TargetOptions & { readonly output: string }) => {
    exit(
      await withSession(io, flags, async (session) => {
        const response = await session.router().listTargetHealth({});
        const json = (): string => renderJson(ListTargetHealthResponseSchema, response);
        io.out(flags.output === "json" ? json() : renderTargets(response));
        for (const { provider, reference, problem } of response.missingCredentials) {
          io.talk(`${provider}: ${reference || "credential"} ${problem} [CREDENTIAL_MISSING]\n`);
        }
      }),
    );
  });
}

const numbers = ["ATTEMPTS", "UPTIME", "TTFT P50", "TTFT P95", "TOKENS/S P50", "TOKENS/S P95"];

/**
 * One row for each deployment and window; the state of a deployment stands in its first row. What
 * providers told of their limits has a column where one did.
 */
export function renderTargets({ targets }: ListTargetHealthResponse): string {
  const tell = targets.some(({ toldRequests, toldTokens }) => toldRequests ?? toldTokens);
  const columns = [
    { heading: "DEPLOYMENT" },
    { heading: "STATE" },
    ...(tell ? [{ heading: "LEFT" }] : []),
    { heading: "RUNNING", isNumber: true },
    { heading: "WINDOW", isNumber: true },
    ...numbers.map((heading) => ({ heading, isNumber: true })),
  ];
  const rows = targets.flatMap((target) => {
    const left = tell ? [leftOf(target)] : [];
    const known = [target.deployment, stateOf(target), ...left, `${target.inFlight}`];
    if (target.windows.length === 0) return [[...known, "-"]];
    return target.windows.map((window, at) => [
      ...(at === 0 ? known : known.map(() => "")),
      ...windowCells(window),
    ]);
  });
  return renderTable(columns, rows);
}

function stateOf({ ejected, reason, untilTime }: TargetHealth): string {
  if (!ejected) return "ready";
  return untilTime === undefined ? reason : `${reason} until ${formatTime(untilTime)}`;
}

function leftOf({ toldRequests, toldTokens }: TargetHealth): string {
  const parts = [partOf(toldRequests, "requests"), partOf(toldTokens, "tokens")];
  return parts.filter((part) => part !== "").join(", ") || "-";
}

function partOf(told: ToldLimit | undefined, unit: string): string {
  if (told?.remaining === undefined) return "";
  const of = told.limit === undefined ? "" : ` of ${told.limit}`;
  return `${told.remaining}${of} ${unit}`;
}

function windowCells(window: TargetWindow): string[] {
  const { attempts, failures, firstTokenP50, firstTokenP95 } = window;
  return [
    lengthOf(window),
    String(attempts),
    attempts === 0n
      ? "-"
      : `${((Number(attempts - failures) * 100) / Number(attempts)).toFixed(1)} %`,
    formatDuration(firstTokenP50) || "-",
    formatDuration(firstTokenP95) || "-",
    window.tokensPerSecondP50?.toFixed(0) ?? "-",
    window.tokensPerSecondP95?.toFixed(0) ?? "-",
  ];
}

function lengthOf({ length }: TargetWindow): string {
  const minutes = length === undefined ? 0 : durationMs(length) / 60_000;
  if (minutes < 60) return `${minutes} m`;
  return minutes < 1_440 ? `${minutes / 60} h` : `${minutes / 1_440} d`;
}
