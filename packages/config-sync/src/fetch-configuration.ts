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

const pageDeadlineMs = 5_000;

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

/** Gives a call 5 s. Throws what the call throws, DEADLINE_EXCEEDED when it takes longer. */
export async function withDeadline<Value>(
  run: (signal: AbortSignal) => Promise<Value>,
  clock: Clock,
  outer: AbortSignal,
): Promise<Value> {
  const controller = new AbortController();
  const timer = clock.schedule(pageDeadlineMs, () => {
    const message = `a page of the snapshot took more than ${pageDeadlineMs} ms`;
    controller.abort(new GatewayError("DEADLINE_EXCEEDED", message));
  });
  const signal = AbortSignal.any([controller.signal, outer]);
  try {
    signal.throwIfAborted();
    return await Promise.race([run(signal), rejectOnAbort(signal)]);
  } finally {
    timer.cancel();
  }
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function mismatch(what: string): GatewayError {
  return new GatewayError("UNAVAILABLE", `the snapshot service answered with ${what}`);
}
