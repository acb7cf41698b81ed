import type { Bus } from "@penstock/bus";
import type { Observability } from "@penstock/observability";
import type { Clock } from "@penstock/runtime";
import type { Spool } from "./spool.ts";

export interface UsageEmitterOptions {
  readonly spool: Spool;
  readonly bus: Pick<Bus, "usage" | "confirmed">;
  readonly replica: string;
  readonly clock: Clock;
  readonly observability: Observability;
}

export declare class UsageEmitter {
  constructor(options: UsageEmitterOptions);
  start(): Promise<void>;
  /** Waits until what is final now is published, at most `deadlineMs`; true when all was. */
  flush(deadlineMs: number): Promise<boolean>;
  close(): Promise<void>;
}
