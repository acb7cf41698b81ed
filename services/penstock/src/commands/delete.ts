import { ApplyResourcesResponseSchema } from "@penstock/api";
import { newUuidV7 } from "@penstock/runtime";
import { resourceIdRule } from "@penstock/snapshot";
import type { Command } from "commander";
import { renderJson } from "../output/render-json.ts";
import { kindOfName } from "../output/resource-names.ts";
import type { CommandIo } from "./command-io.ts";
import { addExamples, addOutputOption, addTargetOptions } from "./command-options.ts";
import type { CommandSession, TargetOptions } from "./command-session.ts";
import { withSession } from "./command-session.ts";
import { UsageError } from "../output/command-error.ts";

interface DeleteFlags extends TargetOptions {
  readonly validateOnly?: boolean;
  readonly allowEmpty?: boolean;
  readonly output: string;
}

/** Adds `penstock delete`. */
export function addDeleteCommand(
  program: Command,
  io: CommandIo,
  exit: (code: number) => void,
): void {
  const command = program
    .command("delete")
    .summary("delete resources")
    .description("Deletes resources by full name, all or none, in one revision.")
    .argument("<names...>", "such as routes/smart or projects/demo/virtualKeys/demo")
    .option("--validate-only", "check everything and delete nothing")
    .option("--allow-empty", "also the last route or the last virtual key");
  addOutputOption(addTargetOptions(command), ["table", "json"]);
  addExamples(command, ["penstock delete routes/flaky deployments/alpha-flaky"]);
  command.action(async (names: readonly string[], flags: DeleteFlags) => {
    exit(await withSession(io, flags, (session) => remove(session, names, flags)));
  });
}

async function remove(
  session: CommandSession,
  names: readonly string[],
  flags: DeleteFlags,
): Promise<void> {
  const wrong = names.filter((name) => kindOfName(name) === undefined);
  if (wrong.length > 0) {
    const shown = wrong.map((name) => JSON.stringify(name)).join(", ");
    throw new UsageError(
      `not a full name: ${shown}; write it as routes/smart, where ${resourceIdRule}.`,
    );
  }
  const response = await session.control().resources.applyResources({
    deleteNames: [...names],
    validateOnly: flags.validateOnly === true,
    allowEmpty: flags.allowEmpty === true,
    requestId: newUuidV7(),
  });
  if (flags.output === "json") {
    session.io.out(renderJson(ApplyResourcesResponseSchema, response));
    return;
  }
  const verb = flags.validateOnly === true ? "can be deleted" : "deleted";
  for (const { name } of response.results) session.io.out(`${name} ${verb}\n`);
  session.io.talk(`revision ${response.revision}\n`);
}
