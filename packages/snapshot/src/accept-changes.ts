import type { ConfigEntry, Resource } from "@penstock/api";
import { ResourceSchema } from "@penstock/api";
import { toBinary } from "@bufbuild/protobuf";

import { checkFormat } from "./check-format.ts";
import { checkReferences, referencesOf } from "./check-references.ts";
import type { Sha256 } from "./content-hash.ts";
import { addDigest, entryDigest, subtractDigest } from "./content-hash.ts";
import type { LayeredMap } from "./layered-map.ts";
import { MapDraft } from "./layered-map.ts";
import type { ResourceKind } from "./resource.ts";
import { kindOfName, messageOf, nameOfResource, resourceKinds } from "./resource.ts";
import type { AcceptedResource } from "./snapshot.ts";
import type { AcceptedByKind, RefusedResource, SnapshotState } from "./snapshot-state.ts";
import { validateResource } from "./validate-resource.ts";
import type { FieldProblem } from "./validate/field-problem.ts";

/** A resource in use before and after; undefined: it was or is not there. */
export interface AcceptedChange {
  readonly before: AcceptedResource | undefined;
  readonly after: AcceptedResource | undefined;
}

/** What is in use after the changes, and what became different. */
export interface Acceptance {
  readonly accepted: AcceptedByKind;
  readonly refused: ReadonlyMap<string, RefusedResource>;
  readonly digests: LayeredMap<Uint8Array>;
  readonly contentHash: Uint8Array;
  /** Only what changed, by kind and name. */
  readonly changes: Readonly<Record<ResourceKind, ReadonlyMap<string, AcceptedChange>>>;
}

/**
 * Decides which form of each resource is in use. A new form with a problem leaves the previous one
 * in use, as long as all that it refers to is there and fits; kinds are gone through in the order in
 * which they refer to each other, so that one pass settles everything. Cost: the changes, what is
 * refused, and, when something vanished or became another, the kinds that may refer to it.
 */
export function acceptChanges(
  state: SnapshotState,
  entries: readonly ConfigEntry[],
  sha256: Sha256,
): Acceptance {
  const work = new AcceptanceWork(state);
  for (const entry of newestByName(entries)) work.receive(entry, sha256);
  for (const { kind } of resourceKinds) work.settleKind(kind);
  return work.finish();
}

/** The last entry of each name, in the order of names, so that equal changes give equal results. */
function newestByName(entries: readonly ConfigEntry[]): ConfigEntry[] {
  const newest = new Map(entries.map((entry) => [entry.name, entry]));
  return [...newest.values()].sort((first, second) => (first.name < second.name ? -1 : 1));
}

class AcceptanceWork {
  readonly #state: SnapshotState;
  readonly #drafts: Record<ResourceKind, MapDraft<AcceptedResource>>;
  readonly #changes: Record<ResourceKind, Map<string, AcceptedChange>>;
  readonly #pending: Record<ResourceKind, Set<string>>;
  readonly #refused: Map<string, RefusedResource>;
  readonly #digests: MapDraft<Uint8Array>;
  /** What others may refer to no more, or no more as they do. */
  readonly #unsettling = new Set<string>();
  #contentHash: Uint8Array;

  constructor(state: SnapshotState) {
    this.#state = state;
    this.#drafts = byKind((kind) => new MapDraft(state.accepted[kind]));
    this.#changes = byKind(() => new Map<string, AcceptedChange>());
    this.#pending = byKind(() => new Set<string>());
    this.#refused = new Map(state.refused);
    this.#digests = new MapDraft(state.digests);
    this.#contentHash = state.contentHash;
    for (const name of state.refused.keys()) {
      const kind = kindOfName(name);
      if (kind !== undefined) this.#pending[kind].add(name);
    }
  }

  /** Takes in a new form, or a deletion, without deciding yet whether it is in use. */
  receive({ name, revision, resource }: ConfigEntry, sha256: Sha256): void {
    this.#hash(name, resource, sha256);
    const kind = kindOfName(name);
    if (resource === undefined) {
      this.#refused.delete(name);
      if (kind !== undefined) this.#use(kind, name, undefined);
      return;
    }
    const ownProblems = checkOwn(name, kind, resource);
    this.#refused.set(name, { resource, revision, ownProblems, problems: ownProblems });
    if (kind !== undefined) this.#pending[kind].add(name);
  }

  /** Decides about everything pending of one kind. */
  settleKind(kind: ResourceKind): void {
    this.#addReferrersOfUnsettling(kind);
    for (const name of this.#pending[kind]) this.#settle(kind, name);
  }

  finish(): Acceptance {
    return {
      accepted: byKind((kind) => this.#drafts[kind].finish()),
      refused: this.#refused,
      digests: this.#digests.finish(),
      contentHash: this.#contentHash,
      changes: this.#changes,
    };
  }

  #settle(kind: ResourceKind, name: string): void {
    const inUse = this.#drafts[kind].get(name);
    const newest = this.#refused.get(name);
    const misfits = inUse === undefined ? [] : this.#unfit(inUse.resource);
    if (newest === undefined) {
      if (inUse === undefined || misfits.length === 0) return;
      this.#refused.set(name, { ...inUse, ownProblems: [], problems: misfits });
      this.#use(kind, name, undefined);
      return;
    }
    const { ownProblems, resource, revision } = newest;
    const problems = ownProblems.length > 0 ? this.#withMissing(newest) : this.#unfit(resource);
    const clashes = problems.length > 0 ? [] : this.#credentialClashes(name, resource);
    if (problems.length + clashes.length === 0) {
      this.#refused.delete(name);
      this.#use(kind, name, { resource, revision });
      return;
    }
    this.#refused.set(name, { ...newest, problems: [...problems, ...clashes] });
    if (misfits.length > 0) this.#use(kind, name, undefined);
  }

  #use(kind: ResourceKind, name: string, after: AcceptedResource | undefined): void {
    const draft = this.#drafts[kind];
    if (after === undefined && !draft.has(name)) return;
    draft.set(name, after);
    if (after === undefined || hasOtherKind(draft.source.get(name), after)) {
      this.#unsettling.add(name);
    } else this.#unsettling.delete(name);
    this.#changes[kind].set(name, { before: draft.source.get(name), after });
  }

  #addReferrersOfUnsettling(kind: ResourceKind): void {
    if (this.#unsettling.size === 0) return;
    for (const [name, { resource }] of this.#drafts[kind].entries()) {
      const lost = referencesOf(resource).some((reference) => this.#unsettling.has(reference.name));
      if (lost) this.#pending[kind].add(name);
    }
  }

  /** What stands against a resource in the others: one that is missing, or does not fit. */
  #unfit(resource: Resource): FieldProblem[] {
    const find = (name: string): Resource | undefined => {
      const kind = kindOfName(name);
      return kind && this.#drafts[kind].get(name)?.resource;
    };
    const missing = checkReferences(resource, (name) => find(name) !== undefined);
    return missing.length > 0 ? missing : checkFormat(resource, find);
  }

  /** Its own problems, and what it refers to that is not there: both are told at once. */
  #withMissing({ ownProblems, resource }: RefusedResource): readonly FieldProblem[] {
    const wrong = ownProblems.map(({ field }) => field);
    // Nothing can be read of a message that is none.
    if (wrong.includes("")) return ownProblems;
    const missing = checkReferences(resource, (name) => {
      const kind = kindOfName(name);
      return kind !== undefined && this.#drafts[kind].has(name);
    });
    const isToldBy = (field: string, own: string): boolean =>
      field === own || field.startsWith(`${own}.`) || field.startsWith(`${own}[`);
    return [
      ...ownProblems,
      ...missing.filter(({ field }) => !wrong.some((own) => isToldBy(field, own))),
    ];
  }

  #credentialClashes(name: string, resource: Resource): FieldProblem[] {
    const credentials = messageOf(resource, "virtualKey")?.credentials ?? [];
    return credentials.flatMap(({ id }, index) => {
      const other = this.#state.credentials.get(id)?.key.name;
      const taken = other !== undefined && other !== name && this.#drafts.virtualKey.has(other);
      if (!taken) return [];
      const field = `credentials[${index}].id`;
      return [{ field, description: `is in use by ${other}`, reason: "CONFLICT" as const }];
    });
  }

  #hash(name: string, resource: Resource | undefined, sha256: Sha256): void {
    const before = this.#digests.get(name);
    if (before !== undefined) this.#contentHash = subtractDigest(this.#contentHash, before);
    const digest =
      resource === undefined ? undefined : entryDigest(name, resourceBytes(resource), sha256);
    if (digest !== undefined) this.#contentHash = addDigest(this.#contentHash, digest);
    this.#digests.set(name, digest);
  }
}

function checkOwn(
  name: string,
  kind: ResourceKind | undefined,
  resource: Resource,
): readonly FieldProblem[] {
  const problems = validateResource(resource);
  if (problems.length > 0) return problems;
  if (kind !== undefined && nameOfResource(resource) === name) return [];
  return [{ field: "name", description: `must be ${name}, as its entry is`, reason: "INVALID" }];
}

/** Whether a provider became one of another kind, to which its deployments may not fit. */
function hasOtherKind(before: AcceptedResource | undefined, after: AcceptedResource): boolean {
  const provider = before && messageOf(before.resource, "provider");
  return provider !== undefined && provider.kind !== messageOf(after.resource, "provider")?.kind;
}

/** The bytes that are hashed; none for a message that is no message. */
function resourceBytes(resource: Resource): Uint8Array {
  try {
    return toBinary(ResourceSchema, resource);
  } catch {
    return new Uint8Array(0);
  }
}

function byKind<Value>(make: (kind: ResourceKind) => Value): Record<ResourceKind, Value> {
  const made = resourceKinds.map(({ kind }) => [kind, make(kind)] as const);
  return Object.fromEntries(made) as Record<ResourceKind, Value>;
}
