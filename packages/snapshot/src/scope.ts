import type { Scope, Selector } from "@penstock/api";
import { EndUserSelector } from "@penstock/api";

import { labelsFit } from "./match.ts";
import type { Caller, CompiledSelector } from "./snapshot.ts";

/** Name of the scope that holds everyone. */
export const scopeAll = "all";

/** A scope as one name. */
export interface ScopeRef {
  /** `all` or a resource name. */
  readonly scopeName: string;
  /** 0 all, 1 team, 2 project, 3 virtual key. */
  readonly scopeRank: number;
}

/** Reads a scope; an absent one means everyone. */
export function readScope(scope: Scope | undefined): ScopeRef {
  const value = scope?.scope;
  if (value?.case === "team") return { scopeName: value.value, scopeRank: 1 };
  if (value?.case === "project") return { scopeName: value.value, scopeRank: 2 };
  if (value?.case === "virtualKey") return { scopeName: value.value, scopeRank: 3 };
  return { scopeName: scopeAll, scopeRank: 0 };
}

/** Whether a caller is in a scope. */
export function inScope(
  scope: ScopeRef,
  caller: Pick<Caller, "team" | "project" | "virtualKey">,
): boolean {
  if (scope.scopeRank === 3) return caller.virtualKey === scope.scopeName;
  if (scope.scopeRank === 2) return caller.project === scope.scopeName;
  if (scope.scopeRank === 1) return caller.team === scope.scopeName;
  return true;
}

/** Reads a selector; an absent one fits every request. */
export function readSelector(selector: Selector | undefined): CompiledSelector {
  const tag = selector?.tag;
  return {
    model: selector?.model,
    provider: selector?.provider,
    deployment: selector?.deployment,
    endUserEach: selector?.endUser === EndUserSelector.EACH,
    tag: tag === undefined ? undefined : { key: tag.key, value: tag.value },
  };
}

/** One function for the model and tag of a selector. */
export function compileRequestMatcher(
  selector: CompiledSelector,
): (model: string, labels: Readonly<Record<string, string>>) => boolean {
  const { model: wantedModel, tag } = selector;
  if (wantedModel === undefined && tag === undefined) return () => true;
  const wantedLabels = tag === undefined ? {} : { [tag.key]: tag.value };
  return (model, labels) =>
    (wantedModel === undefined || wantedModel === model) && labelsFit(wantedLabels, labels);
}
