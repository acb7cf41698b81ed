export { compileCondition, explainCondition } from "./src/condition.ts";
export type { CompiledCondition, ConditionFacts, ConditionVerdict } from "./src/condition.ts";
export { checkReferences, referencesOf } from "./src/check-references.ts";
export type { Reference } from "./src/check-references.ts";
export { compileSnapshot } from "./src/compile-snapshot.ts";
export type { CompileEnvironment, CompileResult, SnapshotHead } from "./src/compile-snapshot.ts";
export {
  addToContentHash,
  contentHashBytes,
  emptyContentHash,
  equalHashes,
  removeFromContentHash,
} from "./src/content-hash.ts";
export type { Sha256 } from "./src/content-hash.ts";
export { diffSnapshots } from "./src/diff-snapshots.ts";
export type { SnapshotDifference } from "./src/diff-snapshots.ts";
export { labelsFit, matchesModel } from "./src/match.ts";
export { decidePolicies, explainPolicies } from "./src/policies.ts";
export type { PolicyExplanation } from "./src/policies.ts";
export {
  collectionOf,
  kindOfName,
  messageOf,
  nameOfResource,
  parseResourceName,
  resourceIdPattern,
  resourceIdRule,
  resourceKinds,
  resourceName,
  resourceNameRule,
} from "./src/resource.ts";
export type {
  ResourceByKind,
  ResourceKind,
  ResourceMessage,
  ResourceName,
} from "./src/resource.ts";
export { explainRoutes, selectRoute } from "./src/route-table.ts";
export type { RouteExplanation, RouteMiss } from "./src/route-table.ts";
export { scopeAll } from "./src/scope.ts";
export type {
  AcceptedResource,
  AttemptTimeouts,
  Caller,
  CompiledCounting,
  CompiledDeployment,
  CompiledEmbedding,
  CompiledPolicy,
  CompiledProvider,
  CompiledQuota,
  CompiledHedging,
  CompiledRoute,
  CompiledSelector,
  CompiledTarget,
  Credential,
  PolicyDecision,
  RequestFacts,
  ResourceProblem,
  Snapshot,
  StrategyName,
} from "./src/snapshot.ts";
export { validateResource } from "./src/validate-resource.ts";
export type { FieldFault, FieldProblem } from "./src/validate/field-problem.ts";
