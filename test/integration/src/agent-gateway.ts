import { writeFileSync } from "node:fs";
import {
  deploymentManifest,
  projectManifest,
  providerManifest,
  routeManifest,
} from "@penstock/test-support";

const price = { inputUsd: "1", outputUsd: "2" };

/**
 * Routes for agents before a vendor of `agent-vendor.ts`, each named after the format of its target:
 * `anthropic`, `responses` and `chat`; `failover-…` has a first target that fails, `too-long-…` one
 * that has no room. `keyFile` gets a key for the vendor.
 */
export function agentGateway(url: string, keyFile: string): string {
  writeFileSync(keyFile, "made-up");
  const kinds = { anthropic: "anthropic", responses: "openai", chat: "openai-compatible" };
  const targets = Object.entries(kinds).flatMap(([id, kind]) => [
    providerManifest(id, url, price).replace(
      "providerKind: openai-compatible",
      `providerKind: ${kind}\ncredential: file:${keyFile}`,
    ),
    target(id, id, `vendor-${id}`),
    target(`${id}-broken`, id, `vendor-${id}+500`),
    target(`${id}-small`, id, `vendor-${id}+too-long`),
    routeManifest(id, [id]),
    routeManifest(`failover-${id}`, [`${id}-broken`, id]),
    routeManifest(`too-long-${id}`, [`${id}-small`]),
  ]);
  return [projectManifest("test"), ...targets].join("");
}

function target(id: string, provider: string, model: string): string {
  const manifest = deploymentManifest(id, provider, model);
  if (provider !== "responses") return manifest;
  return manifest.replace("---\n", "format: openai-responses\n---\n");
}
