import { printError } from "../output/print-error.ts";
import type { CommandIo } from "./command-io.ts";

/** What to tell beside the error. */
export interface TellOptions {
  /** Who was asked. */
  readonly url?: string | undefined;
  /** In place of the code that belongs to the error. */
  readonly exitCode?: number;
}

/**
 * Tells what went wrong on standard error, with `-o json` as one object on a line of its own, and
 * gives the exit code.
 */
export function tellError(
  io: Pick<CommandIo, "talk" | "errorsAsJson">,
  thrown: unknown,
  { url, exitCode }: TellOptions = {},
): number {
  const printed = printError(thrown, url);
  const code = exitCode ?? printed.exitCode;
  const asJson = (): string => `${JSON.stringify({ ...printed.object, exitCode: code })}\n`;
  io.talk(io.errorsAsJson === true ? asJson() : printed.text);
  return code;
}
