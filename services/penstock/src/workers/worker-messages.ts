import type { HealthReport } from "@penstock/runtime";

/** What the primary asks a worker for; `request` and the answer are JSON of the RPC's messages. */
export type Question =
  | "metrics"
  | "explainRequest"
  | "getSnapshotInfo"
  | "listTargetHealth"
  | "listUnmappedFailures";

/** From the primary. The second `drain` means: hurry. */
export type PrimaryMessage =
  | { readonly kind: "drain" }
  | {
      readonly kind: "question";
      readonly id: number;
      readonly question: Question;
      readonly request: unknown;
      readonly remainingMs: number;
    };

/** From a worker. */
export type WorkerMessage =
  | { readonly kind: "started"; readonly ports: { readonly http: number; readonly grpc: number } }
  | { readonly kind: "health"; readonly report: HealthReport }
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  /** `status`: the google.rpc.Status as base64. */
  | { readonly kind: "refusal"; readonly id: number; readonly status: string };

/** A message of ours: others may use the channel too. */
export function isMessage(value: unknown): value is { readonly kind: string } {
  return typeof value === "object" && value !== null && "kind" in value;
}
