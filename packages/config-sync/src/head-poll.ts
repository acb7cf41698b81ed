import { create } from "@bufbuild/protobuf";
import type { ConfigHead, FetchSnapshotResponse } from "@penstock/api";
import { FetchSnapshotRequestSchema } from "@penstock/api";
import type { Clock, Timer } from "@penstock/runtime";

import { withDeadline } from "./call-deadline.ts";
import type { FetchPage } from "./fetch-configuration.ts";
import type { Position } from "./head-order.ts";

// The push can fail without a sign: a cluster that elects takes no changes while a watch of it
// still gets its heartbeats, and a server may lose what it has acknowledged. Issue 3 wants a
// change in every router within 10 s whatever the bus does; asking costs policy one small read.

/** While the bus is connected. */
const besideThePushMs = 5_000;
/** While it is away: changes come no other way. */
const insteadOfThePushMs = 2_000;
/** Followers that lost their bus in one instant must not ask in one. */
const jitter = 0.25;

/** What a poll needs. */
export interface HeadPollOptions {
  readonly fetchPage: FetchPage;
  readonly clock: Clock;
  /** Ends the poll. */
  readonly signal: AbortSignal;
  isPushed(): boolean;
  /** What is in use; zeros where nothing is. */
  known(): Pick<Position, "epoch" | "revision">;
  /** What is in use is the newest there is. */
  onNewest(): void;
  /** Policy has another one. `isBack`: it did not answer the time before. */
  onOther(head: ConfigHead, isBack: boolean): void;
}

/**
 * Asks policy from time to time whether what is in use is the newest there is, for the first time
 * after a pause: until then whoever starts loads. Silent about a policy that is away, as the age of
 * the configuration tells of it.
 */
export function pollHead(options: HeadPollOptions): void {
  const { clock, isPushed, signal } = options;
  let timer: Timer | undefined;
  let wasAnswered = false;
  const schedule = (): void => {
    if (signal.aborted) return;
    const pauseMs = isPushed() ? besideThePushMs : insteadOfThePushMs;
    const spreadMs = pauseMs * (1 - jitter + 2 * jitter * Math.random());
    timer = clock.schedule(spreadMs, () => void look());
  };
  const look = async (): Promise<void> => {
    const answer = await askHead(options);
    if (signal.aborted) return;
    const isBack = !wasAnswered;
    wasAnswered = answer !== undefined;
    if (answer?.unchanged === true) options.onNewest();
    else if (answer?.head !== undefined) options.onOther(answer.head, isBack);
    schedule();
  };
  signal.addEventListener("abort", () => timer?.cancel(), { once: true });
  schedule();
}

async function askHead(options: HeadPollOptions): Promise<FetchSnapshotResponse | undefined> {
  const { clock, fetchPage, known, signal } = options;
  const { epoch: knownEpoch, revision: knownRevision } = known();
  const request = create(FetchSnapshotRequestSchema, { knownEpoch, knownRevision });
  try {
    return await withDeadline((inner) => fetchPage(request, inner), clock, signal);
  } catch {
    return undefined;
  }
}
