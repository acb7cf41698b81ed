import {
  askOverHttp,
  deploymentManifest,
  projectManifest,
  providerManifest,
  routeManifest,
  startServers,
} from "@penstock/test-support";
import type {
  Question,
  ServersConstellation,
  ServersOptions,
  Transcript,
} from "@penstock/test-support";

/** What a request for the model `quick` costs: ten tokens at one micro-USD. */
export const quickCostNanoUsd = 10_000n;
/** The budget of the key `hard`. */
export const hardBudget = "budgets/hard";
/** Room of that budget, in requests for `quick`. */
export const hardRequests = 100_000n;

/** A short question; its answer has ten tokens. */
export const quick: Question = {
  model: "quick",
  prompt: "how are you",
  stream: false,
  maxOutputTokens: 10,
};

/** Two keys of one project: `free` has no quota, `hard` a budget that denies without quota. */
export interface FaultRig {
  readonly gateway: ServersConstellation;
  readonly free: string;
  readonly hard: string;
}

/** Project `p` with the models `quick` (ten tokens) and `slow` (400 tokens in 20 s). */
export function faultManifests(simulatorUrl: string): string {
  return [
    projectManifest("p"),
    providerManifest("v", `${simulatorUrl}/alpha/v1`, { inputUsd: "0", outputUsd: "1" }),
    deploymentManifest("quick", "v", "alpha-small+slow-first-token-0+delay-0+tokens-10"),
    deploymentManifest("slow", "v", "alpha-large+slow-first-token-0+delay-50+tokens-400"),
    routeManifest("quick", ["quick"]),
    routeManifest("slow", ["slow"]),
  ].join("");
}

/** Starts a constellation of processes with both keys. */
export async function startFaultRig(options: ServersOptions = {}): Promise<FaultRig> {
  const gateway = await startServers({ resources: faultManifests, ...options });
  try {
    const free = await gateway.issueKey("projects/p/virtualKeys/free", {
      trustTraceContext: true,
    });
    const hard = await gateway.issueKey("projects/p/virtualKeys/hard");
    await gateway.apply(`kind: Budget
name: ${hardBudget}
scope: { virtualKey: projects/p/virtualKeys/hard }
amountUsd: "${Number(hardRequests * quickCostNanoUsd) / 1e9}"
period: MONTH
onUnavailable: DENY
`);
    return { gateway, free, hard };
  } catch (error) {
    await gateway.close().catch(() => undefined);
    throw error;
  }
}

/** Asks `count` times at once, over both routers. */
export function askMany(
  gateway: ServersConstellation,
  key: string,
  count: number,
): Promise<Transcript[]> {
  return Promise.all(Array.from({ length: count }, () => askOverHttp(gateway, key, quick)));
}

/** How each ended: `complete`, or the reason of its error. */
export function endings(transcripts: readonly Transcript[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { end, error } of transcripts) {
    const ending = error?.reason ?? end;
    counts[ending] = (counts[ending] ?? 0) + 1;
  }
  return counts;
}
