import type { ListUnmappedFailuresResponse } from "@penstock/api";
import { ListUnmappedFailuresResponseSchema } from "@penstock/api";
import type { Command } from "commander";
import { formatTime } from "../output/format-time.ts";
import { renderJson } from "../output/render-json.ts";
import { renderTable } from "../output/render-table.ts";
import type { CommandIo } from "./command-io.ts";
import { addExamples, addOutputOption, addTargetOptions } from "./command-options.ts";
import type { TargetOptions } from "./command-session.ts";
import { withSession } from "./command-session.ts";

/** Adds `penstock failures`. */
export function addFailuresCommand(
  program: Command,
  io: CommandIo,
  exit: (code: number) => void,
): void {
  const command = program
    .command("failures")
    .summary("list errors of providers that no table knows")
    .description(
      "Asks a router which errors of providers no failure table knows, each kind once, the newest\n" +
        "first, and what each was taken for. They are kept in memory, 200 at most, since its start.",
    );
  addOutputOption(addTargetOptions(command), ["table", "json"]);
  addExamples(command, ["penstock failures", "penstock failures -o json"]);
  command.action(async (flags: TargetOptions & { readonly output: string }) => {
    exit(
      await withSession(io, flags, async (session) => {
        const response = await session.router().listUnmappedFailures({});
        if (flags.output === "json") {
          io.out(renderJson(ListUnmappedFailuresResponseSchema, response));
        } else if (response.failures.length === 0) {
          io.talk("every error since the router's start was one that the tables know\n");
        } else io.out(renderFailures(response));
      }),
    );
  });
}

/** One row for each kind of error. */
export function renderFailures({ failures }: ListUnmappedFailuresResponse): string {
  const columns = [
    { heading: "LAST" },
    { heading: "COUNT", isNumber: true },
    ...["DEPLOYMENT", "KIND", "STATUS", "CODE", "TYPE", "TAKEN FOR", "MESSAGE"].map((heading) => ({
      heading,
    })),
  ];
  const rows = failures.map((failure) => [
    formatTime(failure.lastTime),
    String(failure.count),
    failure.deployment,
    failure.providerKind,
    failure.httpStatus === 0 ? "in answer" : String(failure.httpStatus),
    failure.providerCode || "-",
    failure.providerType || "-",
    failure.failureClass,
    failure.message,
  ]);
  return renderTable(columns, rows);
}
