import type { Provider } from "@penstock/providers";

/** What a manifest of a preset is made with. */
export interface PresetWishes {
  /** Id of the provider and beginning of the other ids; the kind when absent. */
  readonly id?: string | undefined;
  /** Upstream model; a placeholder when absent. */
  readonly model?: string | undefined;
}

/** The credential reference that suits a kind: a cloud's identity, a variable, or none. */
export function usualCredential({ kind, auth, identities }: Provider): string | undefined {
  if (!auth.required) return undefined;
  const [identity] = identities ?? [];
  // A key is what most people have, but for clouds whose calls are signed or have tokens alone.
  if (identity !== undefined && auth.scheme !== "header") return `${identity}:`;
  return `env:${kind.toUpperCase().replaceAll("-", "_")}_API_KEY`;
}

/** Provider, deployment and route of a kind, ready to be applied. */
export function presetManifest(provider: Provider, { id, model }: PresetWishes): string {
  const { kind, displayName, priceNotes, verification } = provider;
  const name = id ?? kind;
  const credential = usualCredential(provider);
  const address = provider.defaultBaseUrl ?? provider.exampleBaseUrl;
  const known = provider.defaultBaseUrl !== undefined;
  const lines = [
    ...comment(`${displayName}. ${checkedBy(provider)}`),
    ...verification.sources.flatMap((source) => comment(`  ${source}`)),
    ...priceNotes.flatMap(comment),
    "kind: Provider",
    `name: providers/${name}`,
    `displayName: ${JSON.stringify(displayName)}`,
    `providerKind: ${kind}`,
    ...(known ? comment("Its own address; one that is named here wins.") : []),
    ...(address === undefined ? [] : [`${known ? "# " : ""}baseUrl: ${address}`]),
    ...(isLocal(address) ? ["privateNetwork: true"] : []),
    ...(credential === undefined ? [] : [`credential: ${JSON.stringify(credential)}`]),
    "---",
    "kind: Deployment",
    `name: deployments/${name}`,
    `provider: providers/${name}`,
    `model: ${JSON.stringify(model ?? "MODEL")}${model === undefined ? " # as the vendor calls it" : ""}`,
    ...comment("priceBook: priceBooks/… is what makes its answers cost something."),
    "---",
    "kind: Route",
    `name: routes/${name}`,
    `match: { models: [${JSON.stringify(model ?? name)}] }`,
    `targets: [{ deployment: deployments/${name} }]`,
  ];
  return `${lines.join("\n")}\n`;
}

/** How the data of a kind were checked, as the end of a sentence; never more than is true. */
export function howChecked({ verification: { how } }: Provider): string {
  return how === "live" ? how : `${how}, never live`;
}

/** The same as a sentence. */
export function checkedBy(provider: Provider): string {
  return `Checked: ${howChecked(provider)}.`;
}

function isLocal(address: string | undefined): boolean {
  return address !== undefined && new URL(address).hostname === "127.0.0.1";
}

function comment(text: string): string[] {
  return [`# ${text}`];
}
