import { setTimeout as delay } from "node:timers/promises";
import { fromJson } from "@bufbuild/protobuf";
import { ResourceSchema } from "@penstock/api";
import type { ServersConstellation } from "@penstock/test-support";

const lookEveryMs = 20;
const patienceMs = 60_000;

/** Changes a team; gives the revision, and how long the answer took. */
export async function changeTeam(gateway: ServersConstellation, displayName: string) {
  const startMs = performance.now();
  const team = fromJson(ResourceSchema, { team: { name: "teams/p", displayName } });
  const { revision } = await gateway.control.resources.applyResources({ resources: [team] });
  return { revision, answerMs: performance.now() - startMs };
}

/**
 * Waits until all workers of every router use a revision, asking the routers themselves, not the
 * bus that they report to. Gives milliseconds from `fromMs`, and where each had it from.
 */
export async function untilInUse(
  gateway: ServersConstellation,
  revision: bigint,
  fromMs: number,
): Promise<{ readonly tookMs: number; readonly sources: readonly string[] }> {
  for (;;) {
    const infos = await Promise.all(
      gateway.routers.map(({ client }) => client.getSnapshotInfo({})),
    );
    const tookMs = performance.now() - fromMs;
    if (infos.every(({ status }) => (status?.appliedRevision ?? 0n) >= revision)) {
      return { tookMs, sources: infos.map(({ source }) => source) };
    }
    if (tookMs > patienceMs) throw new Error(`revision ${revision} is not in use everywhere`);
    await delay(lookEveryMs);
  }
}
