import { sleep, systemClock } from "@penstock/runtime";
import { checkLimits } from "../checks/check-balances.ts";
import { everyPage } from "../checks/every-page.ts";
import type { Constellation } from "./constellation.ts";

/** Watches I1 while a test runs. */
export interface LimitSampler {
  /** A sentence for what was broken at some moment; each once. */
  broken(): readonly string[];
  stop(): Promise<void>;
}

const sampleEveryMs = 250;

/** Reads every balance four times a second; a quota service that is away is left alone. */
export function sampleLimits(balances: Constellation["balances"]): LimitSampler {
  const stopped = new AbortController();
  const broken = new Set<string>();
  const sample = async (): Promise<void> => {
    const read = await everyPage(async (pageToken) => {
      const page = await balances.listBalances({ pageSize: 1_000, pageToken });
      return { items: page.balances, nextPageToken: page.nextPageToken };
    });
    for (const one of checkLimits(read)) broken.add(`${one.invariant} ${one.what}`);
  };
  const run = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      await sample().catch(() => undefined);
      await sleep(systemClock, sampleEveryMs, stopped.signal).catch(() => undefined);
    }
  };
  const running = run();
  return {
    broken: () => [...broken],
    stop: async () => {
      stopped.abort();
      await running;
    },
  };
}
