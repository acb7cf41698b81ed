import type { Resource } from "@penstock/api";
import { referencesOf } from "@penstock/snapshot";
import type { ResourceMessage } from "@penstock/snapshot";
import { openResource } from "../resources/kinds.ts";
import type { ResourceKind } from "../resources/resource-kind.ts";

/** A resource as stored. */
export interface StoredResource {
  readonly kind: ResourceKind;
  readonly message: ResourceMessage;
  readonly resource: Resource;
}

/** Read access to all stored resources. */
export interface ResourceView {
  get(name: string): StoredResource | undefined;
  values(): Iterable<StoredResource>;
  /** Names of the resources that point at `name`. */
  referrersOf(name: string): ReadonlySet<string>;
  countOf(collection: string): number;
}

const nothing: ReadonlySet<string> = new Set();

/**
 * All resources of one revision with their references the other way round. A cache: it is
 * changed only by what was committed, and filled again when the database knows better.
 */
export class ResourceTable implements ResourceView {
  readonly #byName = new Map<string, StoredResource>();
  readonly #referrers = new Map<string, Set<string>>();
  readonly #counts = new Map<string, number>();

  get(name: string): StoredResource | undefined {
    return this.#byName.get(name);
  }

  values(): Iterable<StoredResource> {
    return this.#byName.values();
  }

  referrersOf(name: string): ReadonlySet<string> {
    return this.#referrers.get(name) ?? nothing;
  }

  countOf(collection: string): number {
    return this.#counts.get(collection) ?? 0;
  }

  put(resource: Resource): void {
    const { kind, message } = openResource(resource);
    this.remove(message.name);
    this.#byName.set(message.name, { kind, message, resource });
    this.#counts.set(kind.collection, this.countOf(kind.collection) + 1);
    for (const { name: target } of referencesOf(resource)) {
      const referrers = this.#referrers.get(target);
      if (referrers === undefined) this.#referrers.set(target, new Set([message.name]));
      else referrers.add(message.name);
    }
  }

  remove(name: string): void {
    const stored = this.#byName.get(name);
    if (stored === undefined) return;
    this.#byName.delete(name);
    const { kind, resource } = stored;
    this.#counts.set(kind.collection, this.countOf(kind.collection) - 1);
    for (const { name: target } of referencesOf(resource)) {
      const referrers = this.#referrers.get(target);
      referrers?.delete(name);
      if (referrers?.size === 0) this.#referrers.delete(target);
    }
  }
}
