import { toJsonString } from "@bufbuild/protobuf";
import type { Consideration, ExplainRequestResponse } from "@penstock/api";
import { ExplainRequestResponseSchema } from "@penstock/api";
import type { Command } from "commander";
import { renderTable } from "../output/render-table.ts";
import type { CommandIo } from "./command-io.ts";
import {
  addExamples,
  addOutputOption,
  addTargetOptions,
  collectLabel,
  nameFor,
} from "./command-options.ts";
import type { TargetOptions } from "./command-session.ts";
import { withSession } from "./command-session.ts";

interface ExplainFlags extends TargetOptions {
  readonly key: string;
  readonly model: string;
  readonly stream?: boolean;
  readonly label?: Record<string, string>;
  readonly output: string;
}

/** Adds `penstock explain`. */
export function addExplainCommand(
  program: Command,
  io: CommandIo,
  exit: (code: number) => void,
): void {
  const command = program
    .command("explain")
    .summary("say what would happen to a request, without sending it")
    .description("Asks a router which route, policies, quotas and targets a request would meet.")
    .requiredOption("--key <key>", "virtual key that would ask, <project>/<id>")
    .requiredOption("--model <model>", "model that it would ask for")
    .option("--stream", "as if the answer were to be streamed")
    .option("-l, --label <key=value>", "label of the request; repeatable", collectLabel);
  addOutputOption(addTargetOptions(command), ["table", "json"]);
  addExamples(command, ["penstock explain --key demo/demo --model smart"]);
  command.action(async (flags: ExplainFlags) => {
    exit(
      await withSession(io, flags, async (session) => {
        const response = await session.router().explainRequest({
          virtualKey: nameFor("virtualKeys", flags.key),
          request: { model: flags.model, labels: flags.label ?? {} },
          stream: flags.stream === true,
        });
        const json = (): string =>
          `${toJsonString(ExplainRequestResponseSchema, response, { prettySpaces: 2 })}\n`;
        io.out(flags.output === "json" ? json() : render(response));
      }),
    );
  });
}

function render(response: ExplainRequestResponse): string {
  const parts: readonly (readonly [string, readonly Consideration[]])[] = [
    ["route", response.routes],
    ["policy", response.policies],
    ["quota", response.quotas],
    ["target", response.targets],
  ];
  const rows = parts.flatMap(([stage, considered]) =>
    considered.map(({ name, chosen, reason }) => [stage, chosen ? "yes" : "no", name, reason]),
  );
  const columns = ["STAGE", "CHOSEN", "NAME", "WHY"].map((heading) => ({ heading }));
  const refusal = response.refusalReason === "" ? "" : ` [${response.refusalReason}]`;
  const facts = `revision ${response.revision}; estimate ${response.estimatedInputTokens} input and ${response.estimatedOutputTokens} output tokens`;
  return `${response.verdict}${refusal}\n\n${renderTable(columns, rows)}\n${facts}\n`;
}
