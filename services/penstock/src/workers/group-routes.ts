import { fromJson, toJson } from "@bufbuild/protobuf";
import type { DescMessage, JsonValue, MessageShape } from "@bufbuild/protobuf";
import {
  ExplainRequestRequestSchema,
  ExplainRequestResponseSchema,
  GetSnapshotInfoResponseSchema,
  ListTargetHealthResponseSchema,
  ListUnmappedFailuresResponseSchema,
  RouterService,
} from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import type { ConnectRouter } from "@penstock/rpc";
import type { WorkerQuestions } from "./ask-workers.ts";
import { mergeTargetHealth, mergeUnmappedFailures, oldestSnapshot } from "./merge-answers.ts";
import type { WorkerGroup } from "./worker-group.ts";

/** Workers answer from memory. */
const timeoutMs = 2_000;

/**
 * RouterService for all workers of a router: the configuration is that of the last to follow, the
 * health of targets is merged, and a request is explained by the first worker, whose leases it names.
 */
export function groupRoutes(
  group: Pick<WorkerGroup, "alive">,
  questions: WorkerQuestions,
): (router: ConnectRouter) => void {
  return (router) => {
    router.service(RouterService, {
      explainRequest: async (request) => {
        const [worker] = group.alive();
        if (worker === undefined) throw nobody();
        const asked = { request: toJson(ExplainRequestRequestSchema, request), timeoutMs };
        const answer = await questions.ask(worker, "explainRequest", asked);
        return fromJson(ExplainRequestResponseSchema, answer as JsonValue);
      },
      getSnapshotInfo: async () => {
        const answers = await questions.askAll("getSnapshotInfo", timeoutMs);
        const oldest = oldestSnapshot(readAll(GetSnapshotInfoResponseSchema, answers));
        if (oldest === undefined) throw nobody();
        return oldest;
      },
      listTargetHealth: async () => {
        const answers = await questions.askAll("listTargetHealth", timeoutMs);
        if (answers.length === 0) throw nobody();
        return mergeTargetHealth(readAll(ListTargetHealthResponseSchema, answers));
      },
      listUnmappedFailures: async () => {
        const answers = await questions.askAll("listUnmappedFailures", timeoutMs);
        if (answers.length === 0) throw nobody();
        return mergeUnmappedFailures(readAll(ListUnmappedFailuresResponseSchema, answers));
      },
    });
  };
}

function readAll<Schema extends DescMessage>(
  schema: Schema,
  answers: readonly { readonly value: unknown }[],
): MessageShape<Schema>[] {
  return answers.map(({ value }) => fromJson(schema, value as JsonValue));
}

function nobody(): GatewayError {
  return new GatewayError("UNAVAILABLE", "No worker of this router answers.", {
    source: "gateway",
    retryAfterMs: 1_000,
  });
}
