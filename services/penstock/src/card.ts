/** What the card shows. URLs are reachable from this machine. */
export interface CardContent {
  readonly openaiUrl: string;
  readonly grpcAddress: string;
  readonly controlUrl: string;
  readonly adminUrl: string;
  readonly simulatorUrl: string;
  /** Secret of the demo's key; absent when the demo was removed. */
  readonly key: string | undefined;
  /** Below the data folder; `penstock.log` when absent. */
  readonly logFile?: string;
  /** As people would type it. */
  readonly dataDir: string;
  readonly isDefaultDataDir: boolean;
  /** Further addresses by name, where there are more processes than one. */
  readonly further?: readonly (readonly [name: string, address: string])[];
  /** Further lines, such as why something was not set up. */
  readonly notes: readonly string[];
  readonly readyMs: number;
}

/** What one start has to say, once. The last line begins with `ready in`. */
export function renderCard(content: CardContent): string {
  const { dataDir, key } = content;
  const rows: (readonly [string, string])[] = [
    ["OpenAI API", content.openaiUrl],
    ["Anthropic API", content.openaiUrl.replace(/\/v1$/, "")],
    ["gRPC", content.grpcAddress],
    ["control", `${content.controlUrl}  (Connect, gRPC, gRPC-Web)`],
    ["admin", `${content.adminUrl}  (/livez /readyz /metrics)`],
    [
      "simulator",
      `${content.simulatorUrl}  (two vendors to practise on; / says how they are made to fail, /calls what they were asked)`,
    ],
    ...(content.further ?? []),
    ["key", key ?? "none: the demo's key was removed; `penstock keys issue` makes one"],
    ["data", `${dataDir}  (${content.logFile ?? "penstock.log"}; demo.env has all of the above)`],
  ];
  const lines = rows.map(([name, value]) => `  ${name.padEnd(13)} ${value}`);
  const notes = content.notes.map((note) => `  note: ${note}`);
  return [
    "",
    "Penstock",
    "",
    ...lines,
    ...notes,
    "",
    ...commands(content),
    "",
    `  For SDKs of OpenAI and Anthropic:  set -a; . ${quote(`${dataDir}/demo.env`)}; set +a`,
    `  For coding agents:  ${penstock} connect claude-code${folderFlag(content)}` +
      "  (or codex, opencode)",
    "  Stop: Ctrl-C",
    "",
    `ready in ${(content.readyMs / 1000).toFixed(1)} s`,
    "",
  ].join("\n");
}

const penstock = "npm run -s penstock --";

function folderFlag({ isDefaultDataDir, dataDir }: CardContent): string {
  return isDefaultDataDir ? "" : ` --data-dir ${quote(dataDir)}`;
}

function commands(content: CardContent): string[] {
  const { key } = content;
  const folder = folderFlag(content);
  const usage = ["  What it cost:", `  ${penstock} usage --group-by model,provider${folder}`];
  if (key === undefined) return usage;
  return [
    "  A chat:",
    ...chat(content.openaiUrl, key, "smart"),
    "",
    "  A provider that fails, and the fallback (see x-penstock-provider and -attempts):",
    ...chat(content.openaiUrl, key, "flaky"),
    "",
    ...usage,
  ];
}

function chat(url: string, key: string, model: string): string[] {
  const show = model === "flaky" ? "-si" : "-s";
  return [
    `  curl ${show} ${url}/chat/completions -H 'authorization: Bearer ${key}' \\`,
    `    -H 'content-type: application/json' \\`,
    `    -d '{"model":"${model}","messages":[{"role":"user","content":"Hello"}]}'`,
  ];
}

/** For a shell; plain where nothing in it is special. */
function quote(text: string): string {
  return /^[-\w./@:+]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
