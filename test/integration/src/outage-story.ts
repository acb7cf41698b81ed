import { setTimeout as delay } from "node:timers/promises";
import type { Transcript } from "@penstock/test-support";
import { expect } from "vitest";
import type { OutageRig } from "./outage-rig.ts";

/** How long the parts of the story take. */
export interface OutagePlan {
  /** From one death to the next. */
  readonly stepMs: number;
  /** How long all four are dead. */
  readonly deadMs: number;
}

/** What happened when, by `performance.now()`. */
export interface Chapter {
  readonly what: string;
  readonly fromMs: number;
}

/** What is to be judged. */
export interface OutageTale {
  readonly chapters: readonly Chapter[];
  readonly quotaDeadMs: number;
  /** From the spawn of the router to its first answer, while everything else was dead. */
  readonly restartMs: number;
  /** What the started router says to the key with a hard budget. */
  readonly hardAfterRestart: Transcript;
  /** Of `rare`: right after quota's death; when its lease has certainly ended. */
  readonly rareAnswers: readonly Transcript[];
  /** When everything is started again. */
  readonly backMs: number;
  /** From the readiness of quota to the first answer for the key with a hard budget. */
  readonly recoveredMs: number;
}

const restartPatienceMs = 60_000;
const recoveryPatienceMs = 30_000;
/** A lease of money lives 30 s. */
const leaseEndsMs = 32_000;
const lookEveryMs = 10;

/** Plays it: four deaths, a restart in the middle, everything back. Ends with the load stopped. */
export async function playOutage(rig: OutageRig, plan: OutagePlan): Promise<OutageTale> {
  const { gateway, callers, ask } = rig;
  const [, other] = gateway.routers;
  if (other === undefined) throw new TypeError("there are two routers");
  const chapters: Chapter[] = [];
  const tell = (what: string): number => {
    const fromMs = performance.now();
    chapters.push({ what, fromMs });
    return fromMs;
  };
  const askRare = () => callers.once("rare", other, ask.rare);

  tell("all is well");
  rig.load();
  await expect.poll(() => completed(rig, "hard", 0), { timeout: 20_000 }).toBeGreaterThan(20);
  await askRare();
  await delay(plan.stepMs);
  await gateway.role("policy").kill();
  tell("policy is dead");
  await delay(plan.stepMs);
  await gateway.role("quota").kill();
  const quotaDeadMs = tell("quota is dead, too");
  const rareAnswers = [await askRare()];
  await delay(plan.stepMs);
  await gateway.nats.kill();
  tell("NATS is dead, too");
  await delay(plan.stepMs);
  await gateway.postgres.kill();
  const allDeadMs = tell("PostgreSQL is dead, too");
  await delay(plan.deadMs / 4);
  const { restartMs, hardAfterRestart } = await restartRouter(rig, tell);
  await delay(Math.max(0, allDeadMs + plan.deadMs - performance.now()));
  if (performance.now() - quotaDeadMs > leaseEndsMs) rareAnswers.push(await askRare());
  const backMs = tell("PostgreSQL, NATS, quota and policy are started");
  const recoveredMs = await bringBack(rig, tell);
  await delay(plan.stepMs);
  await callers.stop();
  tell("nobody asks any more");
  const restart = { restartMs, hardAfterRestart };
  return { chapters, quotaDeadMs, ...restart, rareAnswers, backMs, recoveredMs };
}

type Tell = (what: string) => number;

/** Out of the balancer, ended by SIGTERM, started, and back as soon as it answers. */
async function restartRouter(rig: OutageRig, tell: Tell) {
  const { gateway, callers, ask, restarted } = rig;
  const role = gateway.role("router-1");
  await callers.takeOut(restarted);
  tell("router 1 is told to end");
  expect(await role.terminate()).toBe(0);
  const spawnedMs = tell("router 1 starts from its disk");
  role.start();
  for (;;) {
    // Refused as long as its doors are closed.
    const first = await callers.once("free", restarted, ask.free).catch(() => undefined);
    if (first?.status === 200) break;
    if (performance.now() - spawnedMs > restartPatienceMs) throw new Error(role.output());
    await delay(lookEveryMs);
  }
  const restartMs = tell("router 1 answers") - spawnedMs;
  const hardAfterRestart = await callers.once("hard", restarted, ask.hard);
  callers.putBack(restarted);
  return { restartMs, hardAfterRestart };
}

/** Gives how long after quota was ready a key with a hard budget was served. */
async function bringBack(rig: OutageRig, tell: Tell): Promise<number> {
  const { gateway } = rig;
  await gateway.postgres.restart();
  await gateway.nats.restart();
  gateway.role("quota").start();
  gateway.role("policy").start();
  await gateway.role("quota").untilReady();
  const quotaReadyMs = performance.now();
  await expect
    .poll(() => completed(rig, "hard", quotaReadyMs), {
      timeout: recoveryPatienceMs,
      interval: lookEveryMs,
    })
    .toBeGreaterThan(0);
  const recoveredMs = tell("the hard budget is served again") - quotaReadyMs;
  for (const name of ["policy", "telemetry", "router-1", "router-2"] as const) {
    await gateway.role(name).untilReady();
  }
  tell("every part is ready again");
  return recoveredMs;
}

function completed({ callers }: OutageRig, key: string, fromMs: number): number {
  return callers.since(key, fromMs).filter(({ end }) => end === "complete").length;
}
