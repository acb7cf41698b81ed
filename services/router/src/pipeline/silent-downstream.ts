import type { Downstream } from "./downstream.ts";

/** For runs of single stages that answer nobody. */
export const silentDownstream: Downstream = {
  ready: true,
  gone: true,
  onDrain: () => undefined,
  answer: () => undefined,
  vectors: () => undefined,
  relay: () => undefined,
  start: () => undefined,
  event: () => undefined,
  flush: () => undefined,
  finish: () => undefined,
  fail: () => undefined,
};
