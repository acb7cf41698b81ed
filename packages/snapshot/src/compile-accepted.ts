import type { VirtualKey } from "@penstock/api";
import { MeteringFailureMode } from "@penstock/api";
import { compilePriceBook } from "@penstock/pricing";

import type { Acceptance, AcceptedChange } from "./accept-changes.ts";
import type { RevisedPriceBook } from "./compile-deployment.ts";
import { compileDeployment } from "./compile-deployment.ts";
import { compileProvider } from "./compile-provider.ts";
import type { TargetParts } from "./compile-route.ts";
import { compileRoute } from "./compile-route.ts";
import { timestampOrNeverMs } from "./duration.ts";
import type { LayeredMap } from "./layered-map.ts";
import { MapDraft } from "./layered-map.ts";
import { compareText } from "./match.ts";
import { compilePolicy } from "./policies.ts";
import { priceEntries } from "./price-entries.ts";
import { compileBudget, compileLimit } from "./quotas.ts";
import { regroup } from "./regroup.ts";
import type { ResourceByKind, ResourceKind } from "./resource.ts";
import { messageOf } from "./resource.ts";
import { compareRoutes } from "./route-table.ts";
import type {
  AcceptedResource,
  CompiledDeployment,
  CompiledPolicy,
  CompiledProvider,
  CompiledQuota,
  CompiledRoute,
} from "./snapshot.ts";
import type { CredentialSeed, SnapshotState } from "./snapshot-state.ts";

/** The compiled parts of a state while they change. */
interface Drafts {
  readonly priceBooks: MapDraft<RevisedPriceBook>;
  readonly providers: MapDraft<CompiledProvider>;
  readonly deployments: MapDraft<CompiledDeployment>;
  readonly routes: MapDraft<CompiledRoute>;
  readonly policies: MapDraft<CompiledPolicy>;
  readonly quotas: MapDraft<CompiledQuota>;
}

type Changes = ReadonlyMap<string, AcceptedChange>;

/**
 * Compiles what changed and what is made of it: a price book or a provider its deployments, a
 * deployment its routes, a quota on a target that target. Of keys only the credentials are noted;
 * a caller is made when first asked for.
 */
export function compileAccepted(state: SnapshotState, acceptance: Acceptance): SnapshotState {
  const drafts = openDrafts(state);
  const { changes } = acceptance;
  compileEach(drafts.quotas, changes.limit, "limit", compileLimit);
  compileEach(drafts.quotas, changes.budget, "budget", compileBudget);
  compileEach(drafts.policies, changes.policy, "policy", compilePolicy);
  compileEach(drafts.providers, changes.provider, "provider", compileProvider);
  compileEach(drafts.priceBooks, changes.priceBook, "priceBook", (priceBook, revision) => ({
    prices: compilePriceBook(priceEntries(priceBook)),
    revision,
  }));
  const targetQuotas = regroup(state.targetQuotas, drafts.quotas, {
    groupsOf: targetsOf,
    compare: compareNames,
  });
  compileDeployments(drafts, acceptance, targetQuotas);
  compileRoutes(drafts, acceptance);
  const byScope = <Item extends { name: string; scopeName: string }>(item: Item) => [
    item.scopeName,
  ];
  const { routes, policies, quotas } = drafts;
  return {
    accepted: acceptance.accepted,
    refused: acceptance.refused,
    digests: acceptance.digests,
    contentHash: acceptance.contentHash,
    priceBooks: drafts.priceBooks.finish(),
    providers: drafts.providers.finish(),
    deployments: drafts.deployments.finish(),
    routes: routes.finish(),
    policies: policies.finish(),
    quotas: quotas.finish(),
    scopes: {
      routes: regroup(state.scopes.routes, routes, { groupsOf: byScope, compare: compareRoutes }),
      policies: regroup(state.scopes.policies, policies, {
        groupsOf: byScope,
        compare: compareNames,
      }),
      quotas: regroup(state.scopes.quotas, quotas, { groupsOf: byScope, compare: compareNames }),
    },
    targetQuotas,
    ...compileKeys(state, changes.virtualKey),
  };
}

function openDrafts(state: SnapshotState): Drafts {
  return {
    priceBooks: new MapDraft(state.priceBooks),
    providers: new MapDraft(state.providers),
    deployments: new MapDraft(state.deployments),
    routes: new MapDraft(state.routes),
    policies: new MapDraft(state.policies),
    quotas: new MapDraft(state.quotas),
  };
}

/** Compiles each changed resource of one kind that needs no other to be compiled. */
function compileEach<Kind extends ResourceKind, Compiled>(
  draft: MapDraft<Compiled>,
  changes: Changes,
  kind: Kind,
  compile: (message: ResourceByKind[Kind], revision: bigint) => Compiled | undefined,
): void {
  for (const [name, { after }] of changes) {
    const message = after && messageOf(after.resource, kind);
    draft.set(name, message && compile(message, after.revision));
  }
}

function compileDeployments(
  drafts: Drafts,
  { accepted, changes }: Acceptance,
  targetQuotas: LayeredMap<readonly CompiledQuota[]>,
): void {
  const dirty = new Set(changes.deployment.keys());
  const causes = new Set([...changes.provider.keys(), ...changes.priceBook.keys()]);
  for (const { before, after } of drafts.quotas.differences()) {
    for (const quota of [before, after]) {
      for (const target of quota === undefined ? [] : targetsOf(quota)) causes.add(target);
    }
  }
  for (const [name, { resource }] of causes.size === 0 ? [] : accepted.deployment) {
    const deployment = messageOf(resource, "deployment");
    const madeOf = [name, deployment?.provider ?? "", deployment?.priceBook ?? ""];
    if (madeOf.some((part) => causes.has(part))) dirty.add(name);
  }
  for (const name of dirty) {
    const deployment = messageIn(accepted.deployment, name, "deployment");
    const provider = messageIn(accepted.provider, deployment?.provider ?? "", "provider");
    const compiledProvider = drafts.providers.get(provider?.name ?? "");
    if (!deployment || !provider || !compiledProvider) {
      drafts.deployments.set(name, undefined);
      continue;
    }
    const priceBook = drafts.priceBooks.get(deployment.priceBook);
    const quotas = quotasOn(targetQuotas, name, provider.name);
    const parts = { deployment, provider, compiledProvider, priceBook, quotas };
    drafts.deployments.set(name, compileDeployment(parts));
  }
}

/** Quotas that name a deployment, its provider, or both; by name. */
function quotasOn(
  targetQuotas: LayeredMap<readonly CompiledQuota[]>,
  deployment: string,
  provider: string,
): CompiledQuota[] {
  const named = [...(targetQuotas.get(deployment) ?? []), ...(targetQuotas.get(provider) ?? [])];
  const fitting = named.filter(
    ({ selector }) =>
      (selector.deployment ?? deployment) === deployment &&
      (selector.provider ?? provider) === provider,
  );
  return [...new Set(fitting)].sort(compareNames);
}

function compileRoutes(drafts: Drafts, { accepted, changes }: Acceptance): void {
  const dirty = new Set(changes.route.keys());
  const causes = new Set([...drafts.deployments.differences()].map(({ key }) => key));
  for (const [name, { resource }] of causes.size === 0 ? [] : accepted.route) {
    const targets = messageOf(resource, "route")?.targets ?? [];
    if (targets.some(({ deployment }) => causes.has(deployment))) dirty.add(name);
  }
  const find = (name: string): TargetParts | undefined => {
    const compiled = drafts.deployments.get(name);
    if (compiled === undefined) return undefined;
    const deployment = messageIn(accepted.deployment, name, "deployment");
    const provider = messageIn(accepted.provider, compiled.provider.name, "provider");
    return {
      deployment: compiled,
      deploymentTimeouts: deployment?.timeouts,
      providerTimeouts: provider?.timeouts,
    };
  };
  for (const name of dirty) {
    const route = messageIn(accepted.route, name, "route");
    drafts.routes.set(name, route && compileRoute(route, find));
  }
}

function compileKeys(
  state: SnapshotState,
  changes: Changes,
): Pick<SnapshotState, "credentials" | "unmeteredKeys"> {
  const credentials = new MapDraft(state.credentials);
  const unmeteredKeys = new MapDraft(state.unmeteredKeys);
  for (const { before } of changes.values()) {
    const key = before && messageOf(before.resource, "virtualKey");
    for (const { id } of key?.credentials ?? []) credentials.set(id, undefined);
  }
  for (const [name, { after }] of changes) {
    const key = after && messageOf(after.resource, "virtualKey");
    for (const seed of key === undefined ? [] : credentialSeeds(key)) {
      credentials.set(seed.id, seed);
    }
    const unmetered = key?.meteringFailure === MeteringFailureMode.ALLOW_UNMETERED;
    unmeteredKeys.set(name, unmetered ? after : undefined);
  }
  return { credentials: credentials.finish(), unmeteredKeys: unmeteredKeys.finish() };
}

function credentialSeeds(key: VirtualKey): CredentialSeed[] {
  return key.credentials.map(({ id, sha256, expireTime }) => ({
    id,
    sha256,
    expireTimeMs: timestampOrNeverMs(expireTime),
    key,
  }));
}

function messageIn<Kind extends ResourceKind>(
  accepted: LayeredMap<AcceptedResource>,
  name: string,
  kind: Kind,
): ResourceByKind[Kind] | undefined {
  const found = accepted.get(name);
  return found && messageOf(found.resource, kind);
}

function targetsOf({ selector }: CompiledQuota): string[] {
  return [selector.provider, selector.deployment].filter((target) => target !== undefined);
}

function compareNames(first: { readonly name: string }, second: { readonly name: string }): number {
  return compareText(first.name, second.name);
}
