import { fromJson } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { ConfigEntrySchema } from "@penstock/api";
import { generateKey, hashKey } from "@penstock/runtime";
import { compileSnapshot } from "@penstock/snapshot";
import type { Snapshot } from "@penstock/snapshot";
import { createHash } from "node:crypto";

/** The virtual key of the small installation. */
export const sampleKey: string = generateKey("psk").text;

const scale = {
  inputNanoUsdPerMillionTokens: "1000000000",
  outputNanoUsdPerMillionTokens: "4000000000",
};

/** Resources of a small installation, as proto JSON by kind. */
const base: Readonly<Record<string, JsonValue>> = {
  "teams/t": { team: { name: "teams/t" } },
  "projects/p": { project: { name: "projects/p", team: "teams/t" } },
  "providers/a": provider("a"),
  "providers/b": provider("b"),
  "priceBooks/prices": {
    priceBook: { name: "priceBooks/prices", prices: [{ model: "*", ...scale }] },
  },
  "deployments/a-large": deployment("a"),
  "deployments/b-large": deployment("b"),
  "routes/smart": {
    route: {
      name: "routes/smart",
      match: { models: ["smart"] },
      targets: [
        { deployment: "deployments/a-large" },
        { deployment: "deployments/b-large", priority: 1 },
      ],
    },
  },
};

/** Compiles the small installation with changes: a resource name with its JSON, or null to drop. */
export function sampleSnapshot(
  changes: Readonly<Record<string, JsonValue>> = {},
  keyText = sampleKey,
): Snapshot {
  const key = {
    virtualKey: {
      name: "projects/p/virtualKeys/k",
      credentials: [{ id: keyText.slice(4, 16), sha256: base64(hashKey(keyText)) }],
    },
  };
  const resources = { ...base, "projects/p/virtualKeys/k": key, ...changes };
  const entries = Object.entries(resources)
    .filter(([, resource]) => resource !== null)
    .map(([name, resource]) =>
      fromJson(ConfigEntrySchema, { name, revision: "1", resource } as JsonValue),
    );
  const { snapshot, problems } = compileSnapshot(
    undefined,
    entries,
    { installationId: "sample", epoch: 1n, revision: 1n },
    { sha256: (bytes) => createHash("sha256").update(bytes).digest() },
  );
  const [problem] = problems;
  if (problem !== undefined) throw new Error(`${problem.name}: ${problem.description}`);
  return snapshot;
}

function provider(id: string): JsonValue {
  return {
    provider: {
      name: `providers/${id}`,
      kind: "openai-compatible",
      baseUrl: `http://127.0.0.1:9/${id}/v1`,
      privateNetwork: true,
    },
  };
}

function deployment(id: string): JsonValue {
  return {
    deployment: {
      name: `deployments/${id}-large`,
      provider: `providers/${id}`,
      model: `${id}-large`,
      priceBook: "priceBooks/prices",
    },
  };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
