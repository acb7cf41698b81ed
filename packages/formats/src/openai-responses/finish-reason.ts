import { FinishReason, type CandidateFinish } from "@penstock/api";

/** How an answer ended, as this format tells it: a status, and why it is incomplete. */
export interface AnswerStatus {
  status: "completed" | "incomplete";
  /** Undefined when it is complete. */
  incompleteReason: string | undefined;
}

/**
 * How an answer ended. `callsTools`: whether there is a call among its items, which the status does
 * not say.
 */
export function readFinish(
  status: string,
  incompleteReason: string,
  callsTools: boolean,
): CandidateFinish {
  return {
    $typeName: "penstock.inference.v1.CandidateFinish",
    candidate: 0,
    reason: reasonOf(status, incompleteReason, callsTools),
    rawReason: status === "incomplete" && incompleteReason !== "" ? incompleteReason : status,
  };
}

function reasonOf(status: string, incompleteReason: string, callsTools: boolean): FinishReason {
  if (status === "completed") return callsTools ? FinishReason.TOOL_CALLS : FinishReason.STOP;
  switch (incompleteReason) {
    case "max_output_tokens":
      return FinishReason.LENGTH;
    case "content_filter":
      return FinishReason.CONTENT_FILTER;
    default:
      return FinishReason.OTHER;
  }
}

/** The status for a caller. */
export function writeStatus(finish: CandidateFinish | undefined): AnswerStatus {
  switch (finish?.reason) {
    case FinishReason.LENGTH:
      return { status: "incomplete", incompleteReason: "max_output_tokens" };
    case FinishReason.CONTENT_FILTER:
      return { status: "incomplete", incompleteReason: "content_filter" };
    case FinishReason.OTHER:
      // Nobody has said that it is complete, such as a turn that was paused.
      return { status: "incomplete", incompleteReason: finish.rawReason || "other" };
    default:
      return { status: "completed", incompleteReason: undefined };
  }
}
