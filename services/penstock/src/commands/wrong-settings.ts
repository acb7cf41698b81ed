import { GatewayError } from "@penstock/errors";
import { exitCodes } from "../output/command-error.ts";
import { printError } from "../output/print-error.ts";
import type { CommandIo } from "./command-io.ts";

/**
 * Tells people what is wrong with a setting, in one sentence, and gives the exit code; undefined
 * and silent for any other error, which is for the log.
 */
export function tellWrongSettings(
  io: Pick<CommandIo, "talk">,
  thrown: unknown,
): number | undefined {
  const isOurs = thrown instanceof GatewayError && thrown.requestId === undefined;
  if (!isOurs || thrown.reason !== "FIELD_INVALID") return undefined;
  io.talk(printError(thrown).text);
  return exitCodes.usage;
}
