import { measureCpuRatio, measureEventLoopStall } from "./bench-figures.ts";
import type { Claim } from "./claim.ts";
import { measureColdStart, measureWarmStart } from "./start-figures.ts";
import { measureByTest } from "./test-figures.ts";
import { measureTestRun } from "./test-run-figure.ts";

/** Every claim that the README makes, and how it is measured. */
export const claims: readonly Claim[] = [
  {
    id: "cold-start",
    sentence: "A fresh clone with an empty home is ready within a minute of `npm start`.",
    bound: 60,
    unit: "s",
    measure: measureColdStart,
  },
  {
    id: "warm-start",
    sentence: "A second `npm start` is ready within five seconds.",
    bound: 5,
    unit: "s",
    measure: measureWarmStart,
  },
  {
    id: "fallback",
    sentence: "A failing provider is replaced within its timer plus 150 ms.",
    bound: 150,
    unit: "ms beyond the timer",
    measure: () => measureByTest("fallback"),
  },
  {
    id: "failover",
    sentence:
      "Sixteen ways of failing, unary and streamed, over HTTP and gRPC, end as stated within timer + 150 ms.",
    bound: 0,
    unit: "cases late or otherwise",
    measure: () => measureByTest("failover"),
  },
  {
    id: "matrix",
    sentence: "Every door works with every upstream format, or says why not.",
    bound: 0,
    unit: "cells neither work nor say why",
    measure: () => measureByTest("matrix"),
  },
  {
    id: "policy-change-p99",
    sentence: "A policy change is in force within 500 ms of the answer to it (p99).",
    bound: 500,
    unit: "ms",
    measure: () => measureByTest("policy-change-p99"),
  },
  {
    id: "exact-limit",
    sentence: "A limit admits exactly as many requests as it says, also in a race.",
    bound: 0,
    unit: "requests too many or too few",
    measure: () => measureByTest("exact-limit"),
  },
  {
    id: "exact-budget",
    sentence: "A budget admits exactly as many requests as it has room for, also in a race.",
    bound: 0,
    unit: "requests too many or too few",
    measure: () => measureByTest("exact-budget"),
  },
  {
    id: "exact-usage",
    sentence: "Costs are exact to the nano-USD, one record for each request.",
    bound: 0,
    unit: "nano-USD too much or too little",
    measure: () => measureByTest("exact-usage"),
  },
  {
    id: "kill-recovery",
    sentence: "`kill -9` in the middle of streams leaves exactly one record of each.",
    bound: 0,
    unit: "requests without exactly one record",
    measure: () => measureByTest("kill-recovery"),
  },
  {
    id: "restart-alone",
    sentence:
      "A router whose control plane, bus and database are gone serves again within two seconds.",
    bound: 2_000,
    unit: "ms",
    measure: () => measureByTest("restart-alone"),
  },
  {
    id: "http-json-cpu",
    sentence: "HTTP JSON costs at most 1.8 times the CPU time of a bare relay.",
    bound: 1.8,
    unit: "× floor",
    measure: measureCpuRatio,
  },
  {
    id: "event-loop-stall",
    sentence: "No event-loop stall beyond 50 ms while policies are written.",
    bound: 50,
    unit: "ms",
    measure: measureEventLoopStall,
  },
  {
    id: "test-run",
    sentence: "`npm test` takes at most three minutes where no server is installed.",
    bound: 180,
    unit: "s",
    measure: measureTestRun,
  },
];
