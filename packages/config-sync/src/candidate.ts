import { createHash } from "node:crypto";

import { create } from "@bufbuild/protobuf";
import type { ConfigEntry, ConfigHead } from "@penstock/api";
import { ConfigEntrySchema } from "@penstock/api";
import type { Snapshot } from "@penstock/snapshot";
import { compileSnapshot, equalHashes } from "@penstock/snapshot";

import { comparePositions } from "./head-order.ts";

/** decisions §7: as many resources as an installation may have. */
export const maxEntries = 200_000;

/** A snapshot with the head that it was made of. */
export interface Step {
  readonly snapshot: Snapshot;
  readonly head: ConfigHead;
  /** Entries that are new in it, deletions included. */
  readonly changes: readonly ConfigEntry[];
}

/** What is in use. */
export interface Configuration {
  readonly snapshot: Snapshot;
  readonly head: ConfigHead;
  /** Newest form of every live resource, refused ones included. Changes with the next step. */
  readonly entries: ReadonlyMap<string, ConfigEntry>;
}

/** What a head, or everything that was loaded at once, leads to. */
export type Outcome =
  | { readonly kind: "adopt"; readonly next: Step }
  /** The state is in use already, or older than that. */
  | { readonly kind: "ignore" }
  /** Entries of a later revision were seen; its head is still to come. */
  | { readonly kind: "wait" }
  /** What was seen is not the whole of the head's revision: everything must be loaded. */
  | { readonly kind: "reload"; readonly because: string }
  /** It is of another installation. */
  | { readonly kind: "refuse"; readonly because: string };

const environment = {
  sha256: (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest(),
};

/**
 * Collects entries until a head says that a revision is complete. The follower is level-based: it
 * goes to the newest head and need not see every revision on the way; what it reaches is whole,
 * since the content hash of the head must come out.
 */
export class Candidate {
  #current: Configuration | undefined;
  readonly #entries = new Map<string, ConfigEntry>();
  readonly #pending = new Map<string, ConfigEntry>();

  /** What is in use. */
  get current(): Configuration | undefined {
    return this.#current;
  }

  /** Entries that wait for their head. */
  pending(): Iterable<ConfigEntry> {
    return this.#pending.values();
  }

  /** Takes in one entry; false when a newer form of it is known. */
  receive(entry: ConfigEntry): boolean {
    const known = this.#pending.get(entry.name);
    if (known !== undefined && entry.revision < known.revision) return false;
    if (known === undefined && this.#pending.size >= maxEntries) return false;
    this.#pending.set(entry.name, entry);
    return true;
  }

  /** What a head means, given the entries seen so far. Changes nothing. */
  consider(head: ConfigHead): Outcome {
    const current = this.#current;
    const early = this.#compareHead(head);
    if (early !== undefined) return early;
    if (current !== undefined && head.epoch > current.head.epoch) {
      return { kind: "reload", because: "the epoch was raised" };
    }
    const pending = [...this.#pending.values()];
    if (pending.some(({ revision }) => revision > head.revision)) return { kind: "wait" };
    const since = current?.head.revision ?? -1n;
    return this.#compile(head, pending.filter(isAfter(since)));
  }

  /** What all live entries of a head, loaded at once, mean. Changes nothing. */
  considerAll(head: ConfigHead, all: readonly ConfigEntry[]): Outcome {
    const early = this.#compareHead(head);
    if (early !== undefined) return early;
    if (all.some(({ revision }) => revision > head.revision)) return { kind: "wait" };
    const listed = new Set(all.map(({ name }) => name));
    const gone = [...(this.#current?.entries.keys() ?? [])].filter((name) => !listed.has(name));
    const deletions = gone.map((name) =>
      create(ConfigEntrySchema, { name, revision: head.revision }),
    );
    return this.#compile(head, [...all, ...deletions]);
  }

  /** Puts a step in use and forgets the entries that are part of it. */
  adopt({ snapshot, head, changes }: Step): void {
    for (const entry of changes) {
      if (entry.resource === undefined) this.#entries.delete(entry.name);
      else this.#entries.set(entry.name, entry);
    }
    const otherEpoch = this.#current !== undefined && this.#current.head.epoch !== head.epoch;
    this.#current = { snapshot, head, entries: this.#entries };
    if (otherEpoch) this.#pending.clear();
    this.forgetUntil(head.revision);
  }

  /** Forgets waiting entries that a revision holds. */
  forgetUntil(revision: bigint): void {
    for (const [name, entry] of this.#pending) {
      if (entry.revision <= revision) this.#pending.delete(name);
    }
  }

  /** Forgets all entries that wait. */
  forgetPending(): void {
    this.#pending.clear();
  }

  #compareHead(head: ConfigHead): Outcome | undefined {
    const current = this.#current;
    if (current === undefined) return undefined;
    if (head.installationId !== current.head.installationId) {
      return { kind: "refuse", because: "it is of another installation" };
    }
    return comparePositions(head, current.head) <= 0 ? { kind: "ignore" } : undefined;
  }

  #compile(head: ConfigHead, changes: readonly ConfigEntry[]): Outcome {
    const { snapshot } = compileSnapshot(this.#current?.snapshot, changes, head, environment);
    if (!equalHashes(snapshot.contentHash, head.contentHash)) {
      return { kind: "reload", because: "the content hash does not come out" };
    }
    return { kind: "adopt", next: { snapshot, head, changes } };
  }
}

/** A bucket's own deletion carries no revision of the configuration; it counts as new. */
function isAfter(since: bigint): (entry: ConfigEntry) => boolean {
  return ({ revision, resource }) =>
    revision > since || (revision === 0n && resource === undefined);
}

/**
 * Compiles what a file holds: first the forms that were in use in place of refused ones, then the
 * live entries. Undefined when the hash does not come out.
 */
export function compileStored(
  head: ConfigHead,
  previousForms: readonly ConfigEntry[],
  live: readonly ConfigEntry[],
): Step | undefined {
  const before =
    previousForms.length === 0
      ? undefined
      : compileSnapshot(undefined, olderOf(previousForms, live), head, environment).snapshot;
  const { snapshot } = compileSnapshot(before, live, head, environment);
  if (!equalHashes(snapshot.contentHash, head.contentHash)) return undefined;
  return { snapshot, head, changes: live };
}

/** The live entries with the previous forms in the place of the refused ones. */
function olderOf(
  previousForms: readonly ConfigEntry[],
  live: readonly ConfigEntry[],
): ConfigEntry[] {
  const byName = new Map(live.map((entry) => [entry.name, entry]));
  for (const form of previousForms) byName.set(form.name, form);
  return [...byName.values()];
}
