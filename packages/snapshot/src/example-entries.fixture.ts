import { create, fromJson } from "@bufbuild/protobuf";
import type { JsonObject } from "@bufbuild/protobuf";
import type { ConfigEntry } from "@penstock/api";
import { ConfigEntrySchema, ResourceSchema } from "@penstock/api";

import type { CompileEnvironment, SnapshotHead } from "./compile-snapshot.ts";
import type { ResourceKind } from "./resource.ts";

/** An entry of a resource that is written as proto JSON. */
export function entry(kind: ResourceKind, revision: number, value: JsonObject): ConfigEntry {
  const resource = fromJson(ResourceSchema, { [kind]: value });
  return create(ConfigEntrySchema, {
    name: String(value["name"]),
    revision: BigInt(revision),
    resource,
  });
}

/** An entry that says that a resource was deleted. */
export function deletion(name: string, revision: number): ConfigEntry {
  return create(ConfigEntrySchema, { name, revision: BigInt(revision) });
}

/** A small working configuration: one team, project, key, provider, deployment and route. */
export function smallConfiguration(): ConfigEntry[] {
  return [
    entry("team", 1, { name: "teams/t" }),
    entry("project", 1, { name: "projects/p", team: "teams/t" }),
    keyEntry(1, "projects/p/virtualKeys/k", "aaaaaaaaaaaa"),
    entry("provider", 1, {
      name: "providers/v",
      kind: "openai-compatible",
      baseUrl: "https://models.example.com/v1",
    }),
    entry("deployment", 1, { name: "deployments/d", provider: "providers/v", model: "large" }),
    routeEntry(1, "routes/r", ["smart"]),
  ];
}

/** A virtual key with one secret. */
export function keyEntry(
  revision: number,
  name: string,
  credentialId: string,
  more: JsonObject = {},
): ConfigEntry {
  const sha256 = `${"A".repeat(43)}=`;
  return entry("virtualKey", revision, {
    name,
    credentials: [{ id: credentialId, sha256 }],
    ...more,
  });
}

/** A route to `deployments/d`. */
export function routeEntry(
  revision: number,
  name: string,
  models: string[],
  more: JsonObject = {},
): ConfigEntry {
  const targets = [{ deployment: "deployments/d" }];
  return entry("route", revision, { name, match: { models }, targets, ...more });
}

/** The head of a revision. */
export function headOf(revision: number): SnapshotHead {
  return { installationId: "installation", epoch: 1n, revision: BigInt(revision) };
}

/** FNV in eight lanes: enough of a digest to tell configurations apart in tests. */
export const testEnvironment: CompileEnvironment = {
  sha256(bytes) {
    const digest = new Uint8Array(32);
    const words = new DataView(digest.buffer);
    for (let lane = 0; lane < 8; lane += 1) {
      let sum = 0x811c9dc5 ^ lane;
      for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193) >>> 0;
      words.setUint32(lane * 4, sum);
    }
    return digest;
  },
};
