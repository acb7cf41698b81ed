import type { MonotonicMs } from "@penstock/limits";
import type { CompiledDeployment, Snapshot } from "@penstock/snapshot";
import type { Admission, TargetHealthInfo, TargetOutcome } from "./target-outcome.ts";

export declare class TargetHealthBook {
  /** Without side effects. */
  admit(deployment: CompiledDeployment, now: MonotonicMs): Admission;
  began(deployment: CompiledDeployment, now: MonotonicMs): void;
  ended(deployment: CompiledDeployment, outcome: TargetOutcome, now: MonotonicMs): void;
  /** Smoothed time to first content with penalties; 0: nothing known. */
  firstTokenMs(deployment: CompiledDeployment): number;
  inFlight(deployment: CompiledDeployment): number;
  /** For the panic rule: the least recently failed one is asked when all are out. -Infinity: never. */
  lastFailureMs(deployment: CompiledDeployment): number;
  list(now: MonotonicMs): TargetHealthInfo[];
  retain(snapshot: Pick<Snapshot, "deployments">): void;
}
