import { Door } from "@penstock/api";
import type { Snapshot } from "@penstock/snapshot";
import type { PipelineParts } from "./pipeline-parts.ts";
import { RequestContext } from "./request-context.ts";
import { silentDownstream } from "./silent-downstream.ts";

/** Longest time of a request (decisions §4). Unit: milliseconds. */
const timeoutMs = 900_000;

/** A request of which single stages are run: nothing is sent, reserved or recorded for it. */
export function quietRequest(
  snapshot: Snapshot | undefined,
  token: string,
  parts: Pick<PipelineParts, "clock" | "tracer">,
): RequestContext {
  return new RequestContext(
    {
      requestId: "",
      door: Door.UNSPECIFIED,
      token,
      snapshot,
      parent: undefined,
      startMonotonicMs: parts.clock.monotonicMs(),
      startWallMs: parts.clock.wallMs(),
      timeoutMs,
    },
    parts.tracer.newContext(),
    silentDownstream,
  );
}
