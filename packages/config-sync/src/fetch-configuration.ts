import { create } from "@bufbuild/protobuf";
import type {
  ConfigEntry,
  ConfigHead,
  FetchSnapshotRequest,
  FetchSnapshotResponse,
} from "@penstock/api";
import { FetchSnapshotRequestSchema } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import type { Clock } from "@penstock/runtime";

import { withDeadline } from "./call-deadline.ts";
import { maxEntries } from "./candidate.ts";

/** Reads one page; the client of `SnapshotService`. */
export type FetchPage = (
  request: FetchSnapshotRequest,
  signal: AbortSignal,
) => Promise<FetchSnapshotResponse>;

/** Everything that was loaded at once; entries are undefined when the known state is the newest. */
export interface LoadedConfiguration {
  readonly head: ConfigHead;
  readonly entries: readonly ConfigEntry[] | undefined;
}

/**
 * Reads all pages of the newest revision. Throws what the client throws, DEADLINE_EXCEEDED when a
 * page takes more than 5 s, UNAVAILABLE when pages do not fit together; ask again then.
 */
export async function fetchConfiguration(
  fetchPage: FetchPage,
  known: { readonly epoch: bigint; readonly revision: bigint },
  clock: Clock,
  signal: AbortSignal,
): Promise<LoadedConfiguration> {
  const entries: ConfigEntry[] = [];
  let first: ConfigHead | undefined;
  let pageToken = "";
  do {
    const request = create(FetchSnapshotRequestSchema, {
      knownEpoch: known.epoch,
      knownRevision: known.revision,
      pageToken,
    });
    const page = await withDeadline((inner) => fetchPage(request, inner), clock, signal);
    if (page.head === undefined) throw mismatch("a page without a head");
    first ??= page.head;
    const sameHead = page.head.epoch === first.epoch && page.head.revision === first.revision;
    if (!sameHead) throw mismatch("pages of different revisions");
    if (page.unchanged) return { head: page.head, entries: undefined };
    entries.push(...page.entries);
    if (entries.length > maxEntries) throw mismatch(`more than ${maxEntries} entries`);
    if (page.nextPageToken !== "" && page.entries.length === 0) throw mismatch("an empty page");
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return { head: first, entries };
}

function mismatch(what: string): GatewayError {
  return new GatewayError("UNAVAILABLE", `the snapshot service answered with ${what}`);
}
