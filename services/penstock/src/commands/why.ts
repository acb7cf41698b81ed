import type { Attempt, Exclusion, GetRequestResponse, UsageEvent } from "@penstock/api";
import { AttemptKind, GetRequestResponseSchema } from "@penstock/api";
import { formatMoney } from "@penstock/pricing";
import type { Command } from "commander";
import { formatDuration, formatTime } from "../output/format-time.ts";
import { printableLines } from "../output/printable.ts";
import { renderJson } from "../output/render-json.ts";
import { renderTable } from "../output/render-table.ts";
import type { CommandIo } from "./command-io.ts";
import { addExamples, addOutputOption, addTargetOptions } from "./command-options.ts";
import type { TargetOptions } from "./command-session.ts";
import { withSession } from "./command-session.ts";

interface WhyFlags extends TargetOptions {
  readonly output: string;
}

/** Adds `penstock why`. */
export function addWhyCommand(program: Command, io: CommandIo, exit: (code: number) => void): void {
  const command = program
    .command("why")
    .summary("say what happened to a request, and whose doing it was")
    .description(
      "Says in one sentence what happened to a request and whose doing it was, then shows its\n" +
        "attempts and what to do next. The id is in the header or trailer x-request-id.",
    )
    .argument("<request-id>", "id of the request");
  addOutputOption(addTargetOptions(command), ["table", "json"]);
  addExamples(command, ["penstock why 01990000-0000-7000-8000-000000000000"]);
  command.action(async (requestId: string, flags: WhyFlags) => {
    exit(
      await withSession(io, flags, async (session) => {
        const response = await session.control().usage.getRequest({ requestId });
        const json = (): string => renderJson(GetRequestResponseSchema, response);
        io.out(flags.output === "json" ? json() : printableLines(render(response)));
      }),
    );
  });
}

function render({ record, verdict }: GetRequestResponse): string {
  const event = record?.event;
  const parts = [`${verdict?.sentence ?? "Nothing is known of this request."}\n`];
  if (event !== undefined && event.attempts.length > 0) parts.push(attemptTable(event.attempts));
  const excluded = event?.error?.excludedBy ?? [];
  if (excluded.length > 0) parts.push(exclusionTable(excluded));
  if (event !== undefined) parts.push(facts(event));
  if (verdict !== undefined && verdict.nextStep !== "") parts.push(`Next: ${verdict.nextStep}\n`);
  return parts.join("\n");
}

const kinds: Readonly<Record<number, string>> = {
  [AttemptKind.PRIMARY]: "first",
  [AttemptKind.RETRY]: "retry",
  [AttemptKind.FALLBACK]: "fallback",
  [AttemptKind.HEDGE]: "hedge",
};

function attemptTable(attempts: readonly Attempt[]): string {
  const columns = [
    { heading: "#", isNumber: true },
    { heading: "KIND" },
    { heading: "DEPLOYMENT" },
    { heading: "MODEL" },
    { heading: "OUTCOME" },
    { heading: "STATUS", isNumber: true },
    { heading: "STARTED AFTER", isNumber: true },
    { heading: "TOOK", isNumber: true },
    { heading: "TOKENS IN/OUT", isNumber: true },
    { heading: "COST USD", isNumber: true },
  ];
  // They are recorded as they ended, which is another order where two ran side by side.
  const begun = attempts.toSorted((a, b) => a.number - b.number);
  const rows = begun.map((attempt) => [
    String(attempt.number),
    kinds[attempt.kind] ?? "unknown",
    attempt.deployment,
    attempt.serviceTier === "" ? attempt.model : `${attempt.model} (${attempt.serviceTier})`,
    outcomeOf(attempt),
    attempt.httpStatus === 0 ? "-" : String(attempt.httpStatus),
    formatDuration(attempt.startOffset),
    formatDuration(attempt.duration),
    attempt.usage === undefined
      ? "-"
      : `${attempt.usage.inputTokens ?? "?"}/${attempt.usage.outputTokens ?? "?"}`,
    attempt.costNanoUsd === undefined ? "-" : formatMoney(attempt.costNanoUsd),
  ]);
  return renderTable(columns, rows);
}

/** The class, and what is known besides: the provider's code, or why there was no answer of it. */
function outcomeOf({ outcome, providerCode, failureCause }: Attempt): string {
  const known = [providerCode, failureCause].filter((one) => one !== "").join("; ");
  return known === "" ? outcome : `${outcome} (${known})`;
}

function exclusionTable(excluded: readonly Exclusion[]): string {
  const columns = ["EXCLUDED", "RULE", "WHY", "UNTIL"].map((heading) => ({ heading }));
  const rows = excluded.map(({ deployment, rule, reason, untilTime }) => [
    deployment,
    rule,
    reason,
    untilTime === undefined ? "-" : formatTime(untilTime),
  ]);
  return renderTable(columns, rows);
}

function facts(event: UsageEvent): string {
  const cost = event.costNanoUsd === undefined ? "no price" : formatMoney(event.costNanoUsd);
  const rows: readonly (readonly [string, string])[] = [
    ["request", event.requestId],
    ["asked by", event.principal?.virtualKey || event.principal?.project || "nobody known"],
    ["model", event.model],
    ["route", event.route],
    ["began", formatTime(event.startTime)],
    ["took", formatDuration(event.duration)],
    ["cost USD", event.estimated ? `${cost} (estimated)` : cost],
    ["error", event.error === undefined ? "" : `${event.error.reason}: ${event.error.message}`],
    ["revision", String(event.revision)],
    ["trace", event.traceId],
  ];
  return renderTable(
    [{ heading: "FACT" }, { heading: "VALUE" }],
    rows.filter(([, value]) => value !== ""),
  );
}
