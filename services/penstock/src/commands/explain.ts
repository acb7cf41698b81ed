import { readFileSync } from "node:fs";
import { create, fromJson } from "@bufbuild/protobuf";
import type { DescMessage, JsonValue, MessageShape } from "@bufbuild/protobuf";
import type {
  Consideration,
  EmbedRequest,
  ExplainRequestResponse,
  GenerateRequest,
} from "@penstock/api";
import {
  EmbedRequestSchema,
  ExplainRequestResponseSchema,
  GenerateRequestSchema,
} from "@penstock/api";
import type { Command } from "commander";
import { exitCodes, UsageError } from "../output/command-error.ts";
import { printableLines } from "../output/printable.ts";
import { renderJson } from "../output/render-json.ts";
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
  readonly model?: string;
  readonly file?: string;
  readonly stream?: boolean;
  readonly embed?: boolean;
  readonly allRoutes?: boolean;
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
    .description(
      "Asks a router which route, policies, quotas and targets a request would meet. Ends with 1\n" +
        "where it would be refused.",
    )
    .requiredOption("--key <key>", "virtual key that would ask, <project>/<id>")
    .option("--model <model>", "model that it would ask for")
    .option(
      "-f, --file <file>",
      "request as JSON of GenerateRequest in penstock.inference.v1; - is standard input",
    )
    .option("--embed", "as if vectors were asked for; the file is an EmbedRequest then")
    .option("--stream", "as if the answer were to be streamed")
    .option("--all-routes", "all routes of the key, not only the closest")
    .option("-l, --label <key=value>", "label of the request; repeatable", collectLabel);
  addOutputOption(addTargetOptions(command), ["table", "json"]);
  addExamples(command, [
    "penstock explain --key demo/demo --model smart",
    "penstock explain --key demo/demo -f request.json",
    "penstock explain --key demo/demo --model vectors --embed",
  ]);
  command.action(async (flags: ExplainFlags) => {
    exit(
      await withSession(io, flags, async (session) => {
        const virtualKey = nameFor("virtualKeys", flags.key);
        const { stream = false, allRoutes = false } = flags;
        const request = await requestOf(flags, io);
        const response = await session
          .router()
          .explainRequest({ virtualKey, ...request, stream, allRoutes });
        const json = (): string => renderJson(ExplainRequestResponseSchema, response);
        io.out(flags.output === "json" ? json() : printableLines(render(response)));
        return response.refusalReason === "" ? exitCodes.done : exitCodes.failed;
      }),
    );
  });
}

type Asked = { readonly request: GenerateRequest } | { readonly embedRequest: EmbedRequest };

/** The request of the file, with what the flags say in its place. Throws a UsageError. */
async function requestOf(flags: ExplainFlags, io: Pick<CommandIo, "readInput">): Promise<Asked> {
  if (flags.embed !== true) return { request: await readRequest(GenerateRequestSchema, flags, io) };
  if (flags.stream === true) throw new UsageError("vectors are not streamed: --embed or --stream.");
  return { embedRequest: await readRequest(EmbedRequestSchema, flags, io) };
}

async function readRequest<Schema extends typeof GenerateRequestSchema | typeof EmbedRequestSchema>(
  schema: Schema,
  { file, model, label }: ExplainFlags,
  io: Pick<CommandIo, "readInput">,
): Promise<MessageShape<Schema>> {
  const request = file === undefined ? create(schema) : await readFile(schema, file, io);
  if (model !== undefined) request.model = model;
  if (request.model === "")
    throw new UsageError("which model? Name it with --model or in the file.");
  Object.assign(request.labels, label);
  return request;
}

async function readFile<Schema extends DescMessage>(
  schema: Schema,
  file: string,
  io: Pick<CommandIo, "readInput">,
): Promise<MessageShape<Schema>> {
  try {
    const text = file === "-" ? await io.readInput() : readFileSync(file, "utf8");
    return fromJson(schema, JSON.parse(text) as JsonValue);
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
    ["count", response.counting === undefined ? [] : [response.counting]],
  ];
  const rows = parts.flatMap(([stage, considered]) =>
    considered.map(({ name, chosen, reason }) => [stage, chosen ? "yes" : "no", name, reason]),
  );
  const columns = ["STAGE", "CHOSEN", "NAME", "WHY"].map((heading) => ({ heading }));
  const refusal = response.refusalReason === "" ? "" : ` [${response.refusalReason}]`;
  const facts = `revision ${response.revision}; estimate ${response.estimatedInputTokens} input and ${response.estimatedOutputTokens} output tokens`;
  const { omittedRoutes } = response;
  const omitted =
    omittedRoutes === 0
      ? ""
      : `${omittedRoutes} further routes do not fit; --all-routes tells why\n`;
  return `${response.verdict}${refusal}\n\n${renderTable(columns, rows)}\n${omitted}${facts}\n`;
}
