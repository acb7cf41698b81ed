import type { ConfigEntry } from "@penstock/api";

import { acceptChanges } from "./accept-changes.ts";
import { CallerFactory } from "./caller-factory.ts";
import { compileAccepted } from "./compile-accepted.ts";
import type { Sha256 } from "./content-hash.ts";
import { emptyContentHash } from "./content-hash.ts";
import { DerivedMap } from "./derived-map.ts";
import { JoinedMap } from "./joined-map.ts";
import { kindOfName, messageOf, resourceKinds } from "./resource.ts";
import type {
  AcceptedResource,
  Caller,
  Credential,
  ResourceProblem,
  Snapshot,
} from "./snapshot.ts";
import type { CredentialSeed, SnapshotState } from "./snapshot-state.ts";
import { emptyState } from "./snapshot-state.ts";

/** What the compiler cannot do by itself. */
export interface CompileEnvironment {
  sha256: Sha256;
}

/** Which revision a snapshot is of; the part of `ConfigHead` that the compiler needs. */
export interface SnapshotHead {
  readonly installationId: string;
  readonly epoch: bigint;
  readonly revision: bigint;
}

/** A snapshot and what is wrong with its resources: `snapshot.problems`. */
export interface CompileResult {
  readonly snapshot: Snapshot;
  readonly problems: readonly ResourceProblem[];
}

/** What the next compilation goes on from; not part of the view that readers get. */
interface Continuation {
  readonly state: SnapshotState;
  readonly meteringProblems: readonly ResourceProblem[];
}

const continuations = new WeakMap<Snapshot, Continuation>();
const beginning: Continuation = { state: emptyState(emptyContentHash), meteringProblems: [] };

/**
 * Compiles changes into the next snapshot. An entry without a resource deletes; of several entries
 * of one name the last counts. Total: never throws. A resource with problems keeps its previous
 * good form as long as all that it refers to is there, otherwise it is out of use; everything else
 * goes live. `previous` undefined: a full compilation. The cost is that of the changed resources
 * and of what is made of them; it does not depend on the number of virtual keys.
 */
export function compileSnapshot(
  previous: Snapshot | undefined,
  changes: readonly ConfigEntry[],
  head: SnapshotHead,
  environment: CompileEnvironment,
): CompileResult {
  const before = (previous && continuations.get(previous)) ?? beginning;
  const acceptance = acceptChanges(before.state, changes, environment.sha256);
  const state = compileAccepted(before.state, acceptance);
  const factory = new CallerFactory(state);
  const meteringProblems = findMeteringProblems(before, state, factory);
  const problems = [...refusalProblems(state), ...meteringProblems];
  const snapshot = makeSnapshot(state, head, factory, problems);
  continuations.set(snapshot, { state, meteringProblems });
  return { snapshot, problems };
}

function makeSnapshot(
  state: SnapshotState,
  { installationId, epoch, revision }: SnapshotHead,
  factory: CallerFactory,
  problems: readonly ResourceProblem[],
): Snapshot {
  const { accepted } = state;
  const callers = new DerivedMap<AcceptedResource, Caller>(accepted.virtualKey, ({ resource }) =>
    factory.make(keyIn(resource)),
  );
  const credentials = new DerivedMap<CredentialSeed, Credential>(state.credentials, (seed) => ({
    id: seed.id,
    sha256: seed.sha256,
    expireTimeMs: seed.expireTimeMs,
    caller: callers.get(seed.key.name) ?? factory.make(seed.key),
  }));
  const resources = new JoinedMap<AcceptedResource>(
    resourceKinds.map(({ kind }) => accepted[kind]),
    (name) => {
      const kind = kindOfName(name);
      return kind && accepted[kind];
    },
  );
  return Object.freeze({
    installationId,
    epoch,
    revision,
    resources,
    contentHash: state.contentHash,
    entryCount: state.digests.size,
    problems: Object.freeze(problems),
    credentials,
    callers,
    providers: state.providers,
    deployments: state.deployments,
    routes: state.routes,
    policies: state.policies,
    quotas: state.quotas,
  });
}

function keyIn(resource: AcceptedResource["resource"]): CredentialSeed["key"] {
  const key = messageOf(resource, "virtualKey");
  if (key === undefined) throw new TypeError("only virtual keys are among the virtual keys");
  return key;
}

function refusalProblems({ refused }: SnapshotState): ResourceProblem[] {
  return [...refused].flatMap(([name, { revision, problems }]) =>
    problems.map((problem) => ({ name, revision, ...problem })),
  );
}

/**
 * A key that wants to be served unmetered while a budget holds it. The key stays in use, but
 * metered: a new budget must not lock callers out, nor be spent unseen.
 */
function findMeteringProblems(
  { state: before, meteringProblems }: Continuation,
  state: SnapshotState,
  factory: CallerFactory,
): readonly ResourceProblem[] {
  const unchanged =
    before.unmeteredKeys === state.unmeteredKeys &&
    before.scopes.quotas === state.scopes.quotas &&
    before.accepted.project === state.accepted.project;
  if (unchanged) return meteringProblems;
  const problems: ResourceProblem[] = [];
  for (const [name, { revision }] of state.unmeteredKeys) {
    const budget = factory.budgetOf(name);
    if (budget === undefined) continue;
    const description = `ALLOW_UNMETERED is not possible while ${budget} applies`;
    problems.push({ name, revision, field: "meteringFailure", description });
  }
  return problems;
}
