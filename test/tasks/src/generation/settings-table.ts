import type { SettingGroup } from "@penstock/penstock";
import type { Setting } from "@penstock/runtime";

const head = [
  "# Settings",
  "",
  "All variables that Penstock reads, generated from their declarations in the code by `npm run",
  "generate`. Each may come from a file: `<NAME>_FILE` names it, and both set is an error. Flags of",
  "`penstock start` win over variables; an empty variable is an absent one. A wrong value ends the",
  "start with code 2 and a line that names it; a `PENSTOCK_` variable that is not listed here is told",
  "in the log and changes nothing. Where a default depends on the shape, *in one process* is `penstock",
  "start` without roles. Durations are written `250ms`, `5s`, `2m` or `1h`; switches `on` or `off`.",
  "",
];

const tail = [
  "What is wrong with the exporter, endpoint, protocol or sampler of OpenTelemetry ends no start: it",
  "costs traces, and is told in the log.",
  "",
  "The exporter of spans reads the rest of `OTEL_EXPORTER_OTLP_*` by itself, as OpenTelemetry specifies",
  "it: headers, timeout, compression and certificates. Credentials of providers are variables or files",
  "of any name, which the configuration names; what `docker compose` reads is in `compose/`.",
  "",
];

/** The page about all settings, as Markdown. */
export function settingsTable(groups: readonly SettingGroup[]): string {
  const sections = groups.flatMap(({ title, settings }) => [
    `## ${title}`,
    "",
    "| variable | roles | default | value | meaning |",
    "| --- | --- | --- | --- | --- |",
    ...settings.map(rowOf),
    "",
  ]);
  return [...head, ...sections, ...tail].join("\n");
}

function rowOf(setting: Setting): string {
  const cells = [
    `\`${setting.name}\``,
    setting.roles.join(", "),
    defaultOf(setting),
    valueOf(setting),
    setting.meaning,
  ];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function defaultOf(setting: Setting): string {
  if (setting.default === undefined) return setting.otherwise ?? "none";
  if (setting.kind === "duration") return `\`${duration(setting.default)}\``;
  if (setting.kind === "boolean") return setting.default ? "`on`" : "`off`";
  return `\`${setting.default}\``;
}

function valueOf(setting: Setting): string {
  switch (setting.kind) {
    case "port":
      return "port";
    case "integer":
      return `${setting.unit ?? "number"}${range(setting, String)}`;
    case "duration":
      return `duration${range(setting, duration)}`;
    case "boolean":
      return "switch";
    case "secret":
      return "secret";
    case "url":
      return "URL";
    case "string":
      return setting.allowed === undefined
        ? "text"
        : setting.allowed.map((value) => `\`${value}\``).join(", ");
  }
}

function range(
  { min, max }: { readonly min?: number; readonly max?: number },
  show: (value: number) => string,
): string {
  if (min !== undefined && max !== undefined) return `, ${show(min)} to ${show(max)}`;
  if (min !== undefined) return `, at least ${show(min)}`;
  return max === undefined ? "" : `, at most ${show(max)}`;
}

const units = [
  [3_600_000, "h"],
  [60_000, "m"],
  [1_000, "s"],
] as const;

function duration(milliseconds: number): string {
  for (const [size, name] of units) {
    if (milliseconds >= size && milliseconds % size === 0) return `${milliseconds / size}${name}`;
  }
  return `${milliseconds}ms`;
}
