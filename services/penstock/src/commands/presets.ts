import type { Provider } from "@penstock/providers";
import { findProvider, providers } from "@penstock/providers";
import { resourceIdPattern, resourceIdRule } from "@penstock/snapshot";
import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { exitCodes } from "../output/command-error.ts";
import { renderTable } from "../output/render-table.ts";
import type { CommandIo } from "./command-io.ts";
import { addExamples, addOutputOption } from "./command-options.ts";
import { checkedBy, howChecked, presetManifest, usualCredential } from "./preset-manifest.ts";
import type { PresetWishes } from "./preset-manifest.ts";

interface PresetFlags extends PresetWishes {
  readonly output: string;
}

/** Adds `penstock presets`. */
export function addPresetsCommand(
  program: Command,
  io: CommandIo,
  exit: (code: number) => void,
): void {
  const command = program
    .command("presets")
    .summary("list kinds of providers, or print one as a manifest")
    .description(
      "Lists the kinds of providers that Penstock knows, with the address and credential of each\n" +
        "and how its data were checked; with a kind, prints a provider, a deployment and a route\n" +
        "of it, ready for `penstock apply`. Nothing is asked and nothing is changed.",
    )
    .argument("[kind]", "such as groq or anthropic", readKind)
    .option("--model <model>", "model as the vendor calls it")
    .option("--id <id>", "id of what is made (else the kind)", readId);
  addOutputOption(command, ["table", "json"]);
  addExamples(command, [
    "penstock presets",
    "penstock presets groq --model llama-3.3-70b-versatile | penstock apply -f -",
    "penstock presets ollama -o json",
  ]);
  command.action((kind: Provider | undefined, flags: PresetFlags) => {
    if (kind === undefined && (flags.model ?? flags.id) !== undefined) {
      command.error("error: --model and --id are for one kind; name it");
    }
    if (kind === undefined) io.out(list(flags.output));
    else io.out(show(kind, flags));
    exit(exitCodes.done);
  });
}

function list(output: string): string {
  const all = Object.values(providers).toSorted((one, other) => (one.kind < other.kind ? -1 : 1));
  if (output === "json") return `${JSON.stringify(all.map(facts), undefined, 2)}\n`;
  const columns = ["KIND", "NAME", "FORMATS", "ADDRESS", "CREDENTIAL", "CHECKED"].map(
    (heading) => ({ heading }),
  );
  const rows = all.map((provider) => [
    provider.kind,
    provider.displayName,
    formatsOf(provider).join(", "),
    provider.defaultBaseUrl ?? "to be named",
    usualCredential(provider) ?? "none needed",
    howChecked(provider),
  ]);
  return renderTable(columns, rows);
}

function show(provider: Provider, wishes: PresetFlags): string {
  const manifest = presetManifest(provider, wishes);
  if (wishes.output !== "json") return manifest;
  return `${JSON.stringify({ ...facts(provider), manifest }, undefined, 2)}\n`;
}

function facts(provider: Provider) {
  const { kind, displayName, defaultBaseUrl, presetOf, verification, priceNotes } = provider;
  return {
    kind,
    displayName,
    formats: formatsOf(provider),
    ...(presetOf === undefined ? {} : { presetOf }),
    ...(defaultBaseUrl === undefined ? {} : { baseUrl: defaultBaseUrl }),
    credential: usualCredential(provider) ?? "",
    checked: checkedBy(provider),
    sources: verification.sources,
    priceNotes,
  };
}

function formatsOf({ operations: { generate, embed } }: Provider): string[] {
  return [...generate.map(({ format }) => format), ...(embed === undefined ? [] : [embed.format])];
}

function readKind(text: string): Provider {
  const provider = findProvider(text);
  if (provider !== undefined) return provider;
  const known = Object.keys(providers).toSorted().join(", ");
  throw new InvalidArgumentError(`It must be one of ${known}.`);
}

function readId(text: string): string {
  if (resourceIdPattern.test(text)) return text;
  throw new InvalidArgumentError(`It must be an id; ${resourceIdRule}.`);
}
