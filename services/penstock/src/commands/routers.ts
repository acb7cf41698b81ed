import { ListRoutersResponseSchema } from "@penstock/api";
import type { Command } from "commander";
import { formatTime } from "../output/format-time.ts";
import { renderJson } from "../output/render-json.ts";
import { renderTable } from "../output/render-table.ts";
import type { CommandIo } from "./command-io.ts";
import { addExamples, addOutputOption, addTargetOptions } from "./command-options.ts";
import type { TargetOptions } from "./command-session.ts";
import { withSession } from "./command-session.ts";
import { routerPosition } from "./router-position.ts";

/** Adds `penstock routers`. */
export function addRoutersCommand(
  program: Command,
  io: CommandIo,
  exit: (code: number) => void,
): void {
  const command = program
    .command("routers")
    .summary("show which router has which revision")
    .description(
      "Shows the routers of the last 30 seconds, what they applied and refused. A router with several\n" +
        "workers has a row for each: router-1, router-1_1, router-1_2.",
    );
  addOutputOption(addTargetOptions(command), ["table", "json"]);
  addExamples(command, ["penstock routers"]);
  command.action(async (flags: TargetOptions & { readonly output: string }) => {
    exit(
      await withSession(io, flags, async (session) => {
        const response = await session.control().rollout.listRouters({});
        if (flags.output === "json") {
          io.out(renderJson(ListRoutersResponseSchema, response));
          return;
        }
        const headings = ["REPLICA", "REVISION", "REFUSED", "BUILD", "STARTED", "REPORTED"];
        const rows = response.routers.map((router) => [
          router.replica,
          routerPosition(router, response.installationId),
          router.refused.map(({ name }) => name).join(", ") || "-",
          router.build,
          formatTime(router.startTime),
          formatTime(router.reportTime),
        ]);
        io.out(
          renderTable(
            headings.map((heading) => ({ heading })),
            rows,
          ),
        );
        for (const { name, problems } of response.routers.flatMap(({ refused }) => refused)) {
          for (const problem of problems) io.talk(`${name}: ${problem}\n`);
        }
        io.talk(`the newest revision is ${response.revision}\n`);
      }),
    );
  });
}
