import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import { resourceIdRule } from "@penstock/snapshot";
import { completeName } from "../output/resource-names.ts";
import { UsageError } from "../output/command-error.ts";

/** Adds the flags that say which Penstock is meant. */
export function addTargetOptions(command: Command): Command {
  return command
    .option("--control-url <url>", "control services (else PENSTOCK_CONTROL_URL, demo.env)")
    .option("--telemetry-url <url>", "telemetry alone (else PENSTOCK_TELEMETRY_URL, demo.env)")
    .option("--admin-url <url>", "admin port of a router (else PENSTOCK_ADMIN_URL, demo.env)")
    .option(
      "--admin-token <token>",
      "token; others here see it in lists of processes, so rather PENSTOCK_ADMIN_TOKEN (else demo.env)",
    )
    .option("--data-dir <folder>", "where demo.env is (else PENSTOCK_DATA_DIR, .penstock)");
}

/** Adds `-o`, with `table` as default. */
export function addOutputOption(command: Command, formats: readonly string[]): Command {
  return command.addOption(
    new Option("-o, --output <format>", "how to print").choices([...formats]).default("table"),
  );
}

/** Adds examples below the help. */
export function addExamples(command: Command, examples: readonly string[]): Command {
  return command.addHelpText("after", `\nExamples:\n${examples.map((e) => `  ${e}\n`).join("")}`);
}

/** Collects `-l key=value` given any number of times. */
export function collectLabel(
  text: string,
  previous: Readonly<Record<string, string>> | undefined,
): Record<string, string> {
  const separator = text.indexOf("=");
  if (separator <= 0) throw new InvalidArgumentError("It must be written key=value.");
  return { ...previous, [text.slice(0, separator)]: text.slice(separator + 1) };
}

/** Collects a flag given any number of times. */
export function collectText(text: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), text];
}

/** Reads an address, without the path of the API: whoever uses it adds that. */
export function readHttpUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new InvalidArgumentError("It must be an http or https address.");
  }
  return url.href.replace(/\/(?:v1\/?)?$/, "");
}

/** Reads `host:port`. */
export function readAddress(text: string): string {
  const url = URL.canParse(`tcp://${text}`) ? new URL(`tcp://${text}`) : undefined;
  if (url === undefined || url.port === "" || url.host !== text) {
    throw new InvalidArgumentError("It must be written host:port.");
  }
  return text;
}

/** The full name for what somebody typed. Throws a UsageError. */
export function nameFor(collection: string, text: string): string {
  const name = completeName(collection, text);
  if (name !== undefined) return name;
  const form =
    collection === "virtualKeys"
      ? "<project>/<id> or projects/<project>/virtualKeys/<id>"
      : `<id> or ${collection}/<id>`;
  throw new UsageError(`"${text}" is no name; write ${form}, where ${resourceIdRule}.`);
}
