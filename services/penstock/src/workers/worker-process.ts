import process from "node:process";
import { fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import {
  ExplainRequestRequestSchema,
  ExplainRequestResponseSchema,
  GetSnapshotInfoResponseSchema,
  ListTargetHealthResponseSchema,
  ListUnmappedFailuresResponseSchema,
  StatusSchema,
} from "@penstock/api";
import { toGatewayError, toStatus } from "@penstock/errors";
import type { MetricRegistry } from "@penstock/observability";
import type { RouterService } from "@penstock/router";
import { callOptions } from "@penstock/rpc";
import type { ServiceHost } from "@penstock/runtime";
import type { createRouterClient } from "../api/clients.ts";
import { isMessage } from "./worker-messages.ts";
import type { PrimaryMessage, WorkerMessage } from "./worker-messages.ts";

/** What of a worker its primary may ask for. */
export interface WorkerAnswers {
  readonly router: RouterService;
  readonly client: ReturnType<typeof createRouterClient>;
  readonly metrics: MetricRegistry;
  readonly ports: { readonly http: number; readonly grpc: number };
}

/**
 * The process of a worker for `runService`: it drains when its primary says so. Signals are the
 * primary's business; a terminal sends Ctrl-C to every process, and that must not count twice.
 */
export function workerHost(): ServiceHost {
  const first = new Set<(cause: unknown) => void>();
  const second = new Set<(cause: unknown) => void>();
  let isAsked = false;
  const ignore = (): void => undefined;
  process.on("SIGINT", ignore);
  process.on("SIGTERM", ignore);
  process.on("message", (message: unknown) => {
    if (!isMessage(message) || (message as PrimaryMessage).kind !== "drain") return;
    for (const listener of isAsked ? second : first) listener(undefined);
    isAsked = true;
  });
  return {
    on: (event, listener) => {
      if (event === "SIGTERM") first.add(listener);
      // Another event, so that it is not taken for the first one handed on.
      else if (event === "SIGINT") second.add(listener);
      else process.on(event, listener);
    },
    off: (event, listener) => {
      if (event === "SIGTERM") first.delete(listener);
      else if (event === "SIGINT") second.delete(listener);
      else process.off(event, listener);
    },
    exit: (code) => process.exit(code),
  };
}

/** Tells the primary that the doors are open, and from then on what it wants to know. */
export function answerPrimary(answers: WorkerAnswers): void {
  const { router, ports } = answers;
  process.on("message", (message: unknown) => {
    if (!isMessage(message)) return;
    const asked = message as PrimaryMessage;
    if (asked.kind === "question") void answer(answers, asked);
  });
  router.health.onChange((report) => tell({ kind: "health", report }));
  tell({ kind: "started", ports });
  tell({ kind: "health", report: router.health.report() });
}

type Asked = Extract<PrimaryMessage, { kind: "question" }>;

async function answer(answers: WorkerAnswers, asked: Asked): Promise<void> {
  const { id } = asked;
  try {
    tell({ kind: "answer", id, value: await valueOf(answers, asked) });
  } catch (thrown) {
    const status = toBinary(StatusSchema, toStatus(toGatewayError(thrown), ""));
    tell({ kind: "refusal", id, status: Buffer.from(status).toString("base64") });
  }
}

async function valueOf(
  { client, metrics }: WorkerAnswers,
  { question, request, remainingMs }: Asked,
): Promise<unknown> {
  const options = callOptions({ timeoutMs: remainingMs });
  switch (question) {
    case "metrics":
      return metrics.render();
    case "explainRequest": {
      const message = fromJson(ExplainRequestRequestSchema, request as JsonValue);
      const explained = await client.explainRequest(message, options);
      return toJson(ExplainRequestResponseSchema, explained);
    }
    case "getSnapshotInfo":
      return toJson(GetSnapshotInfoResponseSchema, await client.getSnapshotInfo({}, options));
    case "listTargetHealth":
      return toJson(ListTargetHealthResponseSchema, await client.listTargetHealth({}, options));
    case "listUnmappedFailures": {
      const listed = await client.listUnmappedFailures({}, options);
      return toJson(ListUnmappedFailuresResponseSchema, listed);
    }
  }
}

/** A primary that is gone hears nothing; the worker ends by itself then. */
function tell(message: WorkerMessage): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
