import type { ApplyResourcesResponse } from "@penstock/api";
import { ApplyResourcesResponseSchema, ChangeKind } from "@penstock/api";
import type { Command } from "commander";
import { applyManifests, ManifestsRefused, NoResources } from "../apply-manifests.ts";
import { readManifestFiles } from "../manifest/read-manifest-files.ts";
import { CommandError, exitCodes, UsageError } from "../output/command-error.ts";
import { renderJson } from "../output/render-json.ts";
import { renderTable } from "../output/render-table.ts";
import type { CommandIo } from "./command-io.ts";
import {
  addExamples,
  addOutputOption,
  addTargetOptions,
  collectLabel,
  collectText,
} from "./command-options.ts";
import type { CommandSession, TargetOptions } from "./command-session.ts";
import { withSession } from "./command-session.ts";
import { countRouters, routerPosition, routersWithout } from "./router-position.ts";

interface ApplyFlags extends TargetOptions {
  readonly file: readonly string[];
  readonly validateOnly?: boolean;
  readonly prune?: boolean;
  readonly label?: Readonly<Record<string, string>>;
  readonly await?: boolean;
  readonly output: string;
}

/** Adds `penstock apply`. */
export function addApplyCommand(
  program: Command,
  io: CommandIo,
  exit: (code: number) => void,
): void {
  const command = program
    .command("apply")
    .summary("create and change resources from manifests")
    .description(
      "Creates and changes the resources in the given manifests, all or none, in one revision.\n" +
        "What isn't listed stays. Of a folder the files *.yaml, *.yml and *.json are read, in the order\n" +
        "of their names and not those of folders in it. Every problem of every document is reported at once, with file,\n" +
        "line, document and field; as JSON with -o json.",
    )
    .requiredOption(
      "-f, --file <file>",
      "manifest, folder of them, or - for standard input; repeatable",
      collectText,
    )
    .option("--validate-only", "check everything and change nothing")
    .option("--prune", "also delete resources with the labels of -l that aren't listed")
    .option("-l, --label <key=value>", "label for --prune; repeatable", collectLabel)
    .option("--await", "wait until every router has taken the new revision");
  addOutputOption(addTargetOptions(command), ["table", "json"]);
  addExamples(command, [
    "penstock apply -f routes.yaml -f limits.yaml --await",
    "penstock apply -f manifests/",
    "penstock apply -f team.yaml --prune -l app=demo --validate-only",
    "penstock get routes smart -o yaml | penstock apply -f -",
  ]);
  command.action(async (flags: ApplyFlags) => {
    exit(await withSession(io, flags, (session) => apply(session, flags)));
  });
}

async function apply(session: CommandSession, flags: ApplyFlags): Promise<void> {
  const { io } = session;
  const pruneLabels = flags.label ?? {};
  if ((flags.prune === true) !== Object.keys(pruneLabels).length > 0) {
    throw new UsageError("--prune and -l key=value belong together.");
  }
  const texts = await readManifestFiles(flags.file, io.readInput);
  try {
    const response = await applyManifests(texts, session.control(), {
      validateOnly: flags.validateOnly === true,
      pruneLabels,
      refuseNone: true,
    });
    print(response, flags, io);
    if (flags.await === true && flags.validateOnly !== true) {
      await awaitRevision(session, response.revision);
    }
  } catch (thrown) {
    if (thrown instanceof NoResources) throw new UsageError(thrown.message);
    if (!(thrown instanceof ManifestsRefused)) throw thrown;
    const { problems, others } = thrown;
    if (flags.output === "json") {
      io.out(`${JSON.stringify({ problems, others }, undefined, 2)}\n`);
    } else io.talk(`${thrown.lines().join("\n")}\n`);
    throw refusal(
      thrown,
      texts.some(({ unread }) => unread !== undefined),
    );
  }
}

/** What the lines said, once more for programs: fields follow what they are of. */
function refusal({ message, problems }: ManifestsRefused, lacksFile: boolean): CommandError {
  const fieldViolations = problems.map(({ file, name, path, description }) => ({
    field: [name || file, path].filter((part) => part !== "").join(" "),
    description,
  }));
  const exitCode = lacksFile ? exitCodes.usage : exitCodes.failed;
  const options = { exitCode, fieldViolations };
  return new CommandError("FIELD_INVALID", `${message}.`, options);
}

async function awaitRevision(session: CommandSession, revision: bigint): Promise<void> {
  const answer = await session.control().rollout.awaitRevision({ revision });
  const { applied, routers, installationId } = answer;
  // Nobody is late when nobody is there, but nobody goes by the change either.
  if (applied && routers.length > 0) {
    session.io.talk(`revision ${revision} is in use by ${countRouters(routers)}\n`);
    return;
  }
  const late = routersWithout(routers, { installationId, revision });
  const names = late.map((one) => `${one.replica} has ${routerPosition(one, installationId)}`);
  const who = names.length === 0 ? "no router was seen in the last 30 s" : names.join(", ");
  const message = `revision ${revision} is not in use everywhere yet: ${who}.`;
  throw new CommandError("NOT_READY", message, { exitCode: exitCodes.failed });
}

const words: Readonly<Record<number, string>> = {
  [ChangeKind.CREATED]: "created",
  [ChangeKind.UPDATED]: "updated",
  [ChangeKind.UNCHANGED]: "unchanged",
  [ChangeKind.DELETED]: "deleted",
};

function print(response: ApplyResourcesResponse, flags: ApplyFlags, io: CommandIo): void {
  if (flags.output === "json") {
    io.out(renderJson(ApplyResourcesResponseSchema, response));
    return;
  }
  const rows = response.results.map(({ name, change }) => [name, words[change] ?? "unknown"]);
  if (rows.length > 0) io.out(renderTable([{ heading: "NAME" }, { heading: "CHANGE" }], rows));
  const suffix = flags.validateOnly === true ? " (only validated, nothing was changed)" : "";
  io.talk(`revision ${response.revision}${suffix}\n`);
}
