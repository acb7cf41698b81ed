// What a start does to the configuration, so that there is something to talk to:
//   nothing there yet     the demo is applied, in one revision
//   the simulator moved   the base URLs of its two vendors are corrected
//   OPENAI_API_KEY set    OpenAI is added, unless a provider of that name is there
//   no clear key known    the demo's key gets a new secret, and the old one ends
// Everything else stays as people left it; what they deleted is not brought back.
import { GatewayError } from "@penstock/errors";
import type { Secret } from "@penstock/runtime";
import { parseKey } from "@penstock/runtime";
import type { Resource } from "@penstock/api";
import { applyManifests } from "./apply-manifests.ts";
import type { ControlClients } from "./api/clients.ts";
import { listResources } from "./api/clients.ts";
import { demoKeyName, demoManifest, demoVendors, vendorUrl } from "./demo/demo-manifest.ts";
import { openaiManifest, openaiProviderName } from "./demo/openai-manifest.ts";

/** What the set-up goes by. */
export interface FirstRunOptions {
  readonly clients: ControlClients;
  readonly simulatorUrl: string;
  readonly openaiKey: Secret | undefined;
  /** The key in the environment file of an earlier start. */
  readonly knownKey: string | undefined;
}

/** What the set-up came to. */
export interface FirstRunResult {
  /** Secret of the demo's key; undefined when people removed or revoked it. */
  readonly key: string | undefined;
  /** Revision that has it all. */
  readonly revision: bigint;
  /** Lines for the card. */
  readonly notes: readonly string[];
}

/** Brings the demo in order. Throws what the services say. */
export async function setUpDemo(options: FirstRunOptions): Promise<FirstRunResult> {
  const { clients, simulatorUrl } = options;
  let { resources, revision } = await listResources(clients, {});
  if (resources.length === 0) {
    ({ revision } = await apply(clients, "demo", demoManifest(simulatorUrl)));
    ({ resources } = await listResources(clients, {}));
  } else {
    revision = (await moveVendors(clients, resources, simulatorUrl)) ?? revision;
  }
  const openai = await setUpOpenai(options, resources);
  const key = await findOrIssueKey(options, resources);
  return {
    key: key?.text,
    revision: key?.revision ?? openai.revision ?? revision,
    notes: openai.notes,
  };
}

function apply(clients: ControlClients, file: string, text: string) {
  return applyManifests([{ file, text }], clients);
}

/** Corrects vendors that still point at a simulator of this machine, and only those. */
async function moveVendors(
  clients: ControlClients,
  resources: readonly Resource[],
  simulatorUrl: string,
): Promise<bigint | undefined> {
  const moved = resources.filter(({ resource }) => {
    if (resource.case !== "provider") return false;
    const vendor = demoVendors.find((name) => resource.value.name === `providers/${name}`);
    if (vendor === undefined) return false;
    const { baseUrl } = resource.value;
    const wanted = vendorUrl(simulatorUrl, vendor);
    if (baseUrl === wanted || !isOldAddress(baseUrl, wanted)) return false;
    resource.value.baseUrl = vendorUrl(simulatorUrl, vendor);
    return true;
  });
  if (moved.length === 0) return undefined;
  return (await clients.resources.applyResources({ resources: moved })).revision;
}

/** The simulator of an earlier start: this machine, the same path, another port. */
function isOldAddress(baseUrl: string, wanted: string): boolean {
  if (!URL.canParse(baseUrl)) return false;
  const old = new URL(baseUrl);
  const now = new URL(wanted);
  const ownHosts = [now.hostname, "127.0.0.1", "localhost", "[::1]"];
  return (
    old.protocol === "http:" && old.pathname === now.pathname && ownHosts.includes(old.hostname)
  );
}

interface OpenaiResult {
  readonly revision?: bigint;
  readonly notes: readonly string[];
}

async function setUpOpenai(
  { clients, openaiKey }: FirstRunOptions,
  resources: readonly Resource[],
): Promise<OpenaiResult> {
  if (openaiKey === undefined) return { notes: [] };
  if (parseKey(openaiKey.reveal()) !== undefined) {
    return { notes: ["OPENAI_API_KEY holds a key of Penstock, so OpenAI was not set up with it"] };
  }
  if (resources.some(({ resource }) => resource.value?.name === openaiProviderName)) {
    return { notes: [] };
  }
  try {
    const { revision } = await apply(clients, "openai", openaiManifest());
    const note = "OPENAI_API_KEY is set: OpenAI's models can be asked for by their own names";
    return { revision, notes: [note] };
  } catch (thrown) {
    // What people configured may stand against it; the gateway starts all the same.
    const why = thrown instanceof Error ? thrown.message : "unknown";
    return { notes: [`OPENAI_API_KEY is set, but OpenAI could not be set up: ${why}`] };
  }
}

async function findOrIssueKey(
  { clients, knownKey }: FirstRunOptions,
  resources: readonly Resource[],
): Promise<{ readonly text: string; readonly revision?: bigint } | undefined> {
  const stored = resources.find(({ resource }) => resource.value?.name === demoKeyName)?.resource;
  if (stored?.case !== "virtualKey" || stored.value.revokeTime !== undefined) return undefined;
  const known = knownKey === undefined ? undefined : parseKey(knownKey);
  const isCurrent = stored.value.credentials.some(
    ({ id, expireTime }) => id === known?.id && expireTime === undefined,
  );
  if (knownKey !== undefined && isCurrent) return { text: knownKey };
  const { secret, revision } = await clients.virtualKeys.rotateVirtualKey({
    name: demoKeyName,
    overlap: { seconds: 0n, nanos: 0 },
  });
  if (secret !== "") return { text: secret, revision };
  throw new GatewayError("INTERNAL", "The rotation of the demo's key gave no secret.");
}
