import { hash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ConfigEntry } from "@penstock/api";
import { ConfigEntrySchema } from "@penstock/api";
import { compileSnapshot, referencesOf } from "@penstock/snapshot";
import type { ResourceProblem, Snapshot } from "@penstock/snapshot";
import type { PlannedChange } from "./intent.ts";
import type { ProblemList } from "./problem-list.ts";

/** Which configuration a snapshot is of. */
export interface SnapshotHead {
  readonly installationId: string;
  readonly epoch: bigint;
  readonly revision: bigint;
}

/** What all entries of one revision say. */
export interface EntryStamp {
  readonly revision: bigint;
  readonly traceparent: string;
  readonly commitMs: number;
}

/** The entries of a revision that may never be, and where their problems go. */
export interface WouldBe {
  readonly entries: readonly ConfigEntry[];
  readonly head: SnapshotHead;
  readonly problems: ProblemList;
}

const environment = { sha256: (bytes: Uint8Array) => hash("sha256", bytes, "buffer") };

/** Compiles with the function and the hash that every follower uses. */
export function compileEntries(
  previous: Snapshot | undefined,
  entries: readonly ConfigEntry[],
  head: SnapshotHead,
): Snapshot {
  return compileSnapshot(previous, entries, head, environment).snapshot;
}

/** The entries by which followers learn of the changes. */
export function entriesOf(changes: readonly PlannedChange[], stamp: EntryStamp): ConfigEntry[] {
  const commitTime = timestampFromMs(stamp.commitMs);
  const { revision, traceparent } = stamp;
  return changes
    .filter(({ change }) => change !== "unchanged")
    .map(({ name, after }) => {
      const entry = create(ConfigEntrySchema, { name, revision, traceparent, commitTime });
      if (after !== undefined) entry.resource = after.resource;
      return entry;
    });
}

/**
 * Compiles the configuration as it would be. What routers would refuse of the changed resources
 * becomes a violation of the field it came in; what the change would break elsewhere is named
 * too. Problems that were there before are nobody's fault here.
 */
export function compileWouldBe(
  previous: Snapshot | undefined,
  changes: readonly PlannedChange[],
  { entries, head, problems }: WouldBe,
): Snapshot {
  const snapshot = compileEntries(previous, entries, head);
  const fields = new Map(changes.map((change) => [change.name, change]));
  const known = new Set(previous?.problems.map(keyOf));
  const refused = new Set(snapshot.problems.map(({ name }) => name));
  for (const problem of snapshot.problems) {
    const change = fields.get(problem.name);
    if (change !== undefined && change.change !== "unchanged") {
      const { field, description, reason } = problem;
      // What is given, and refused for reasons of its own, is not missing.
      const missing = missingName(problem, change);
      if (missing !== undefined && fields.has(missing) && refused.has(missing)) continue;
      problems.invalid(joinPath(change.field, field), description, reason);
    } else if (!known.has(keyOf(problem))) {
      const where = joinPath(problem.name, problem.field);
      problems.elsewhere("resources", `would break ${where}: ${problem.description}`);
    }
  }
  return snapshot;
}

function missingName(problem: ResourceProblem, { after }: PlannedChange): string | undefined {
  if (problem.reason !== "REFERENCE_MISSING" || after === undefined) return undefined;
  return referencesOf(after.resource).find(({ field }) => field === problem.field)?.name;
}

function keyOf({ name, revision, field, description }: ResourceProblem): string {
  return JSON.stringify([name, String(revision), field, description]);
}

function joinPath(prefix: string, path: string): string {
  return path === "" ? prefix : `${prefix}.${path}`;
}
