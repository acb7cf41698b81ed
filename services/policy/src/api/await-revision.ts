import type { HandlerContext } from "@connectrpc/connect";
import type { AwaitRevisionRequest } from "@penstock/api";
import { withStorageErrors } from "@penstock/database";
import { GatewayError } from "@penstock/errors";
import { linkSignals } from "@penstock/runtime";
import { awaitTaken } from "../rollout/await-taken.ts";
import { readHead } from "../storage/installation-store.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { durationIn } from "./duration-in.ts";

const defaultTimeoutMs = 10_000;
const maxTimeoutMs = 60_000;
/** Left of the call's own deadline to bring the answer home. */
const answerMs = 100;

/** Waits until every router has taken a revision, or the time is up. */
export function awaitRevision({ db, clock, routers, waits }: ApiDependencies) {
  return async (request: AwaitRevisionRequest, context: HandlerContext) => {
    waits.throwIfAborted();
    const bounds = { byDefaultMs: defaultTimeoutMs, maxMs: maxTimeoutMs };
    const wantedMs = durationIn(request.timeout, "timeout", bounds);
    const deadlineMs = (context.timeoutMs() ?? maxTimeoutMs + answerMs) - answerMs;
    const timeoutMs = Math.max(0, Math.min(wantedMs, deadlineMs));
    const head = await withStorageErrors(() => readHead(db));
    const { epoch, installationId } = head;
    const revision = request.revision === 0n ? head.revision : request.revision;
    if (revision < 0n || revision > head.revision) throw outOfRange(head.revision);
    const options = { clock, timeoutMs, signal: linkSignals(context.signal, waits) };
    const applied = await awaitTaken(routers, { installationId, epoch, revision }, options);
    return { applied, routers: routers.list(), installationId };
  };
}

function outOfRange(newest: bigint): GatewayError {
  const description = `must be between 0 and the newest revision, ${newest}`;
  return new GatewayError("FIELD_INVALID", `The field revision ${description}.`, {
    fieldViolations: [{ field: "revision", description }],
  });
}
