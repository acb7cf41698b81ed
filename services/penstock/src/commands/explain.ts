import { readFileSync } from "node:fs";
import { create, fromJson, toJsonString } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import type { Consideration, ExplainRequestResponse, GenerateRequest } from "@penstock/api";
import { ExplainRequestResponseSchema, GenerateRequestSchema } from "@penstock/api";
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
import { UsageError } from "./usage-error.ts";

interface ExplainFlags extends TargetOptions {
  readonly key: string;
  readonly model?: string;
  readonly file?: string;
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
    .option("--model <model>", "model that it would ask for")
    .option(
      "-f, --file <file>",
      "request as JSON of penstock.inference.v1.GenerateRequest; - is standard input",
    )
    .option("--stream", "as if the answer were to be streamed")
    .option("-l, --label <key=value>", "label of the request; repeatable", collectLabel);
  addOutputOption(addTargetOptions(command), ["table", "json"]);
  addExamples(command, [
    "penstock explain --key demo/demo --model smart",
    "penstock explain --key demo/demo -f request.json",
  ]);
  command.action(async (flags: ExplainFlags) => {
    exit(
      await withSession(io, flags, async (session) => {
        const response = await session.router().explainRequest({
          virtualKey: nameFor("virtualKeys", flags.key),
          request: requestOf(flags, io),
          stream: flags.stream === true,
        });
        const json = (): string =>
          `${toJsonString(ExplainRequestResponseSchema, response, { prettySpaces: 2 })}\n`;
        io.out(flags.output === "json" ? json() : render(response));
      }),
    );
  });
}

/** The request of the file, with what the flags say in its place. Throws a UsageError. */
function requestOf(flags: ExplainFlags, io: Pick<CommandIo, "readInput">): GenerateRequest {
  const { file, model, label } = flags;
  const request = file === undefined ? create(GenerateRequestSchema) : readRequest(file, io);
  if (model !== undefined) request.model = model;
  if (request.model === "")
    throw new UsageError("which model? Name it with --model or in the file.");
  Object.assign(request.labels, label);
  return request;
}

function readRequest(file: string, io: Pick<CommandIo, "readInput">): GenerateRequest {
  try {
    const text = file === "-" ? io.readInput() : readFileSync(file, "utf8");
    return fromJson(GenerateRequestSchema, JSON.parse(text) as JsonValue);
  } catch (error) {
    const why = error instanceof Error ? error.message : "it can't be read";
    throw new UsageError(`${file} is no request: ${why}`);
  }
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
