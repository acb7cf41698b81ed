import {
  askOverGrpc,
  askOverHttp,
  deploymentManifest,
  projectManifest,
  providerManifest,
  routeManifest,
  startServers,
} from "@penstock/test-support";
import type { Question, RouterDoors, ServersConstellation } from "@penstock/test-support";
import { BalancedCallers } from "./balanced-callers.ts";
import type { AskRouter } from "./balanced-callers.ts";

// Two routers, one with two workers, on servers of their own, with three keys:
//   free  a rate limit that it does not reach, no budget
//   hard  a budget that denies without quota, under steady load like `free`
//   rare  the same, asked so seldom that its lease ends by time

/** Of one answer: ten tokens at one micro-USD. */
export const answerNanoUsd = 10_000n;
/** Time that nobody may need for an answer, whatever is dead; most need milliseconds. */
export const patienceMs = 10_000;
const budgetUsd = "5";
const limitPerMinute = 60_000;
const pauseMs = 150;

/** What is asked through which door with which key. */
export interface OutageRig {
  readonly gateway: ServersConstellation;
  readonly callers: BalancedCallers;
  readonly ask: Readonly<Record<"free" | "hard" | "rare", AskRouter>>;
  /** The router that is started again while everything is dead; it has two workers. */
  readonly restarted: RouterDoors;
  /** Begins the steady load, over both doors. */
  load(): void;
}

function manifests(simulatorUrl: string): string {
  return [
    projectManifest("p"),
    providerManifest("v", `${simulatorUrl}/alpha/v1`, { inputUsd: "0", outputUsd: "1" }),
    deploymentManifest("quick", "v", "alpha-small+slow-first-token-0+delay-0+tokens-10"),
    routeManifest("quick", ["quick"]),
  ].join("");
}

function quotas(): string {
  const budget = (id: string): string => `---
kind: Budget
name: budgets/${id}
scope: { virtualKey: projects/p/virtualKeys/${id} }
amountUsd: "${budgetUsd}"
period: MONTH
onUnavailable: DENY
`;
  return `kind: Limit
name: limits/free
scope: { virtualKey: projects/p/virtualKeys/free }
requestsPerMinute: ${limitPerMinute}
${budget("hard")}${budget("rare")}`;
}

function question(): Question {
  const signal = AbortSignal.timeout(2 * patienceMs);
  return { model: "quick", prompt: "still there", stream: false, maxOutputTokens: 10, signal };
}

/** Starts everything; nobody asks yet. */
export async function startOutageRig(): Promise<OutageRig> {
  const gateway = await startServers({
    resources: manifests,
    ownPostgres: true,
    workers: [2, 1],
  });
  try {
    const issue = (id: string) => gateway.issueKey(`projects/p/virtualKeys/${id}`);
    const keys = {
      free: await issue("free"),
      hard: await issue("hard"),
      rare: await issue("rare"),
    };
    await gateway.apply(quotas());
    const [restarted] = gateway.routers;
    if (restarted === undefined) throw new TypeError("there is a router");
    const callers = new BalancedCallers(gateway.routers);
    const http =
      (key: string): AskRouter =>
      (router) =>
        askOverHttp(router, key, question());
    // Over both routers: this client turns to the one that is there by itself.
    const grpc = (key: string): AskRouter => {
      const client = gateway.grpcClient(key, gateway.routers);
      return () => askOverGrpc(client, question());
    };
    const load = (): void => {
      for (const id of ["free", "hard"] as const) {
        callers.add(id, http(keys[id]), pauseMs);
        callers.add(id, grpc(keys[id]), pauseMs);
      }
    };
    const ask = { free: http(keys.free), hard: http(keys.hard), rare: http(keys.rare) };
    return { gateway, callers, ask, restarted, load };
  } catch (error) {
    await gateway.close().catch(() => undefined);
    throw error;
  }
}
