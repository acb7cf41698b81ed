import type { Resource, VirtualKey } from "@penstock/api";

import type { RevisedPriceBook } from "./compile-deployment.ts";
import { LayeredMap } from "./layered-map.ts";
import type { ResourceKind } from "./resource.ts";
import { resourceKinds } from "./resource.ts";
import type {
  AcceptedResource,
  CompiledDeployment,
  CompiledPolicy,
  CompiledProvider,
  CompiledQuota,
  CompiledRoute,
} from "./snapshot.ts";
import type { FieldProblem } from "./validate/field-problem.ts";

/** The newest form of a resource that is not in use as it is. */
export interface RefusedResource {
  readonly resource: Resource;
  readonly revision: bigint;
  /** What is wrong with it by itself. */
  readonly ownProblems: readonly FieldProblem[];
  /** What is wrong with it, references included; never empty. */
  readonly problems: readonly FieldProblem[];
}

/** One secret with the key that it opens. */
export interface CredentialSeed {
  readonly id: string;
  readonly sha256: Uint8Array;
  readonly expireTimeMs: number;
  readonly key: VirtualKey;
}

/** Resources in use, one map for each kind. */
export type AcceptedByKind = Readonly<Record<ResourceKind, LayeredMap<AcceptedResource>>>;

/** Everything in scope, by the name of the scope. */
export interface ScopeTables {
  /** In the order of `compareRoutes`. */
  readonly routes: LayeredMap<readonly CompiledRoute[]>;
  /** By name. */
  readonly policies: LayeredMap<readonly CompiledPolicy[]>;
  /** By name; those with a provider or deployment selector included. */
  readonly quotas: LayeredMap<readonly CompiledQuota[]>;
}

/** All that the next compilation starts from. Immutable. */
export interface SnapshotState {
  readonly accepted: AcceptedByKind;
  readonly refused: ReadonlyMap<string, RefusedResource>;
  /** Digest of every live entry. */
  readonly digests: LayeredMap<Uint8Array>;
  readonly contentHash: Uint8Array;
  readonly priceBooks: LayeredMap<RevisedPriceBook>;
  readonly providers: LayeredMap<CompiledProvider>;
  readonly deployments: LayeredMap<CompiledDeployment>;
  readonly routes: LayeredMap<CompiledRoute>;
  readonly policies: LayeredMap<CompiledPolicy>;
  readonly quotas: LayeredMap<CompiledQuota>;
  readonly scopes: ScopeTables;
  /** Quotas by the provider or deployment that their selector names; a quota may be under two. */
  readonly targetQuotas: LayeredMap<readonly CompiledQuota[]>;
  readonly credentials: LayeredMap<CredentialSeed>;
  /** Keys that want to be served unmetered; few, and looked at whenever budgets change. */
  readonly unmeteredKeys: LayeredMap<AcceptedResource>;
}

/** The state before anything was configured. */
export function emptyState(contentHash: Uint8Array): SnapshotState {
  const accepted = Object.fromEntries(
    resourceKinds.map(({ kind }) => [kind, LayeredMap.empty<AcceptedResource>()]),
  ) as Record<ResourceKind, LayeredMap<AcceptedResource>>;
  return {
    accepted,
    refused: new Map(),
    digests: LayeredMap.empty(),
    contentHash,
    priceBooks: LayeredMap.empty(),
    providers: LayeredMap.empty(),
    deployments: LayeredMap.empty(),
    routes: LayeredMap.empty(),
    policies: LayeredMap.empty(),
    quotas: LayeredMap.empty(),
    scopes: {
      routes: LayeredMap.empty(),
      policies: LayeredMap.empty(),
      quotas: LayeredMap.empty(),
    },
    targetQuotas: LayeredMap.empty(),
    credentials: LayeredMap.empty(),
    unmeteredKeys: LayeredMap.empty(),
  };
}
