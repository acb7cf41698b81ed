import type { VirtualKey } from "@penstock/api";
import { MeteringFailureMode, PrincipalMethod, PrincipalSchema } from "@penstock/api";
import { create } from "@bufbuild/protobuf";

import { durationMs, timestampOrNeverMs } from "./duration.ts";
import { compareText } from "./match.ts";
import { messageOf, parseResourceName } from "./resource.ts";
import { scopeAll } from "./scope.ts";
import type { Caller } from "./snapshot.ts";
import type { SnapshotState } from "./snapshot-state.ts";

// decisions §4: requests at once of one key.
const defaultMaxConcurrentRequests = 100;

/** What a caller gets from the scopes that hold it. */
type ScopeBundle = Pick<
  Caller,
  "routes" | "policies" | "quotas" | "hasBudget" | "syncedDurability"
>;

/**
 * Makes the callers of one snapshot. What a project's keys have in common is put together once
 * and shared, the very arrays included; only a key with something of its own costs more.
 */
export class CallerFactory {
  readonly #state: SnapshotState;
  readonly #bundleByProject = new Map<string, ScopeBundle>();

  constructor(state: SnapshotState) {
    this.#state = state;
  }

  /** The caller of a virtual key that is in use. */
  make(key: VirtualKey): Caller {
    const project = parseResourceName(key.name)?.parent ?? "";
    const team = this.#teamOf(project);
    const bundle = this.#bundleOf(key.name, team, project);
    const unmetered = key.meteringFailure === MeteringFailureMode.ALLOW_UNMETERED;
    return {
      principal: create(PrincipalSchema, {
        method: PrincipalMethod.VIRTUAL_KEY,
        team,
        project,
        virtualKey: key.name,
      }),
      team,
      project,
      virtualKey: key.name,
      expireTimeMs: timestampOrNeverMs(key.expireTime),
      revokeTimeMs: timestampOrNeverMs(key.revokeTime),
      maxConcurrentRequests: key.maxConcurrentRequests ?? defaultMaxConcurrentRequests,
      trustTraceContext: key.trustTraceContext ?? true,
      keepaliveIntervalMs: key.keepaliveInterval && durationMs(key.keepaliveInterval),
      allowUnmetered: unmetered && !bundle.hasBudget,
      ...bundle,
    };
  }

  /** Resource name of a budget that holds the key, if there is one. */
  budgetOf(key: string): string | undefined {
    const project = parseResourceName(key)?.parent ?? "";
    for (const scope of [key, project, this.#teamOf(project), scopeAll]) {
      const quotas = this.#state.scopes.quotas.get(scope) ?? [];
      const budget = quotas.find(({ kind }) => kind === "budget");
      if (budget !== undefined) return budget.name;
    }
    return undefined;
  }

  #teamOf(project: string): string {
    const accepted = this.#state.accepted.project.get(project);
    return (accepted && messageOf(accepted.resource, "project")?.team) ?? "";
  }

  #bundleOf(key: string, team: string, project: string): ScopeBundle {
    const { routes, policies, quotas } = this.#state.scopes;
    const hasOwn = routes.has(key) || policies.has(key) || quotas.has(key);
    if (hasOwn) return this.#gather([key, project, team, scopeAll]);
    const known = this.#bundleByProject.get(project);
    if (known !== undefined) return known;
    const bundle = this.#gather([project, team, scopeAll]);
    this.#bundleByProject.set(project, bundle);
    return bundle;
  }

  #gather(scopes: readonly string[]): ScopeBundle {
    const { scopes: tables } = this.#state;
    const quotas = joined(tables.quotas, scopes).toSorted(byName);
    return {
      // Each list is in order, and the lists go from the most specific scope to the least.
      routes: joined(tables.routes, scopes),
      policies: joined(tables.policies, scopes).toSorted(byName),
      quotas: quotas.filter(
        ({ selector }) => selector.provider === undefined && selector.deployment === undefined,
      ),
      hasBudget: quotas.some(({ kind }) => kind === "budget"),
      syncedDurability: quotas.some(({ synced }) => synced),
    };
  }
}

/** The lists of several scopes as one; the very same array when only one of them has any. */
function joined<Item>(
  table: ReadonlyMap<string, readonly Item[]>,
  scopes: readonly string[],
): readonly Item[] {
  const lists = scopes.map((scope) => table.get(scope)).filter((list) => list !== undefined);
  return lists.length === 1 ? (lists[0] ?? []) : lists.flat();
}

function byName(first: { readonly name: string }, second: { readonly name: string }): number {
  return compareText(first.name, second.name);
}
