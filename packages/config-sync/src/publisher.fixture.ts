import { createHash } from "node:crypto";

import { create, fromJson, toBinary } from "@bufbuild/protobuf";
import type { JsonObject } from "@bufbuild/protobuf";
import type { ConfigEntry, ConfigHead, FetchSnapshotResponse } from "@penstock/api";
import {
  ConfigEntrySchema,
  ConfigHeadSchema,
  FetchSnapshotResponseSchema,
  ResourceSchema,
} from "@penstock/api";
import type { ConfigBucket } from "@penstock/bus";
import { configKey, headKey } from "@penstock/bus";
import { addToContentHash, emptyContentHash } from "@penstock/snapshot";

const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();

/** Plays the policy service: keeps the live entries and writes them to a bucket. */
export class Publisher {
  readonly live = new Map<string, ConfigEntry>();
  installationId = "installation-1";
  epoch = 1n;
  readonly #bucket: ConfigBucket;

  constructor(bucket: ConfigBucket) {
    this.#bucket = bucket;
  }

  /** A team, a project, two keys, a provider, a deployment. */
  base(revision: number): ConfigEntry[] {
    return [
      entry("team", revision, { name: "teams/t" }),
      entry("project", revision, { name: "projects/p", team: "teams/t" }),
      keyEntry(revision, "a"),
      keyEntry(revision, "b"),
      entry("provider", revision, {
        name: "providers/v",
        kind: "openai-compatible",
        baseUrl: "https://models.example.com/v1",
      }),
      entry("deployment", revision, {
        name: "deployments/d",
        provider: "providers/v",
        model: "large",
      }),
    ];
  }

  /** Writes entries and their head. */
  async publish(revision: number, entries: readonly ConfigEntry[]): Promise<void> {
    await this.putEntries(entries);
    await this.putHead(this.head(revision));
  }

  async putEntries(entries: readonly ConfigEntry[]): Promise<void> {
    for (const made of entries) {
      this.keep(made);
      await this.#bucket.put(configKey(made.name), toBinary(ConfigEntrySchema, made));
    }
  }

  /** Changes what is live without writing it to the bucket. */
  keep(made: ConfigEntry): void {
    if (made.resource === undefined) this.live.delete(made.name);
    else this.live.set(made.name, made);
  }

  async putHead(head: ConfigHead): Promise<void> {
    await this.#bucket.put(headKey, toBinary(ConfigHeadSchema, head));
  }

  head(revision: number): ConfigHead {
    let contentHash = emptyContentHash;
    for (const [name, { resource }] of this.live) {
      const bytes = toBinary(ResourceSchema, resource ?? create(ResourceSchema));
      contentHash = addToContentHash(contentHash, name, bytes, sha256);
    }
    return create(ConfigHeadSchema, {
      installationId: this.installationId,
      epoch: this.epoch,
      revision: BigInt(revision),
      contentHash,
      entryCount: BigInt(this.live.size),
      traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`,
    });
  }

  /** Answers like SnapshotService, two entries a page. */
  fetch(revision: number, pageToken: string): FetchSnapshotResponse {
    const start = pageToken === "" ? 0 : Number(pageToken);
    const end = start + 2;
    return create(FetchSnapshotResponseSchema, {
      head: this.head(revision),
      entries: [...this.live.values()].slice(start, end),
      nextPageToken: end < this.live.size ? String(end) : "",
    });
  }
}

/** An entry of a resource that is written as proto JSON. */
export function entry(kind: string, revision: number, value: JsonObject): ConfigEntry {
  return create(ConfigEntrySchema, {
    name: String(value["name"]),
    revision: BigInt(revision),
    resource: fromJson(ResourceSchema, { [kind]: value }),
  });
}

/** A virtual key of project p. */
export function keyEntry(revision: number, id: string, more: JsonObject = {}): ConfigEntry {
  const credentials = [{ id: id.repeat(12), sha256: `${"A".repeat(43)}=` }];
  return entry("virtualKey", revision, {
    name: `projects/p/virtualKeys/${id}`,
    credentials,
    ...more,
  });
}

/** A route to `deployments/d`. */
export function routeEntry(revision: number, id: string, models: string[]): ConfigEntry {
  const targets = [{ deployment: "deployments/d" }];
  return entry("route", revision, { name: `routes/${id}`, match: { models }, targets });
}

/** An entry that says that a resource was deleted. */
export function deletion(revision: number, name: string): ConfigEntry {
  return create(ConfigEntrySchema, { name, revision: BigInt(revision) });
}
