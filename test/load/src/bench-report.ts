import type { DurabilityReport } from "./durability.ts";
import type { Machine } from "./machine.ts";
import type { PairsReport } from "./pairs/measure-pairs.ts";
import type { Quoted } from "./rounds.ts";
import type { ShapesReport } from "./shapes.ts";
import type { StallReport } from "./stall.ts";
import type { Verification } from "./verify.ts";
import type { WorkersReport } from "./workers.ts";

/** The parts by name, each with what it measures. */
export const benchParts = {
  json: "only the first of the lanes",
  lanes: "the router beside a bare relay: HTTP JSON, HTTP SSE, gRPC",
  pairs: "every format of the door with formats of providers, JSON and SSE; see the names below",
  shapes: "the same request path with all roles in one process and with the router alone",
  durability: "the price of durability: SYNCED and of bus_ack",
  workers: "a router of two workers: that it works, and its CPU time per request",
  stall: "the longest stall of the event loop of `start`, and its CPU time per request",
} as const;

/** One of the parts. */
export type BenchPart = keyof typeof benchParts;

/** What is run when nothing is chosen. */
export const wholeBench: readonly BenchPart[] = [
  "lanes",
  "pairs",
  "shapes",
  "durability",
  "workers",
  "stall",
];

/** One kind of request. */
export interface LaneResult {
  readonly name: string;
  readonly unit: string;
  readonly unitsPerRequest: number;
  readonly load: string;
  readonly pace: string;
  readonly firstByte: boolean;
  readonly saturated: readonly Quoted[];
  readonly paced: readonly Quoted[];
  /** CPU time of Penstock over that of the floor, of the lower quartiles. */
  readonly ratio: number;
}

/** Everything that was measured; what was not asked for, or can't be measured here, is absent. */
export interface BenchReport {
  readonly machine: Machine;
  readonly tools: string;
  readonly warnings: readonly string[];
  readonly lanes: readonly LaneResult[];
  readonly verification: Verification | undefined;
  readonly pairs: PairsReport | undefined;
  readonly shapes: ShapesReport | undefined;
  readonly durability: DurabilityReport | undefined;
  readonly workers: WorkersReport | undefined;
  /** The whole in one process beside the floor, for information. */
  readonly allInOne: readonly Quoted[];
  readonly stall: StallReport | undefined;
}

/** What records, ledger or traces were found to have wrong, in any part. */
export function problemsOf(report: BenchReport): string[] {
  const { verification, pairs, shapes, durability, workers } = report;
  const verified = [
    verification,
    pairs?.verification,
    ...(shapes?.verified ?? []),
    durability?.verification,
    workers?.verification,
  ];
  const problems = verified.flatMap((one) => one?.problems ?? []);
  return [...problems, ...(workers?.problems ?? [])];
}
