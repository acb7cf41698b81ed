import type { FailureRule } from "./failure-rule.ts";

/** What statuses say by themselves; the last rows of a format's table. */
export const statusRules: readonly FailureRule[] = [
  // Never followed: the address that is configured is wrong.
  { id: "status-redirect", status: [300, 301, 302, 303, 305, 307, 308], class: "MODEL_NOT_FOUND" },
  { id: "status-400", status: [400, 405, 406, 415, 422], class: "BAD_REQUEST" },
  { id: "status-401", status: [401], class: "AUTH_FAILED" },
  { id: "status-402", status: [402], class: "QUOTA_EXHAUSTED" },
  { id: "status-403", status: [403], class: "PERMISSION" },
  { id: "status-404", status: [404, 410], class: "MODEL_NOT_FOUND" },
  { id: "status-408", status: [408], class: "UPSTREAM_ERROR" },
  { id: "status-409", status: [409, 412, 424, 425], class: "CONFLICT" },
  { id: "status-413", status: [413], class: "PAYLOAD_TOO_LARGE" },
  { id: "status-429", status: [429], class: "RATE_LIMITED" },
  { id: "status-500", status: [500, 502, 504, 520, 522, 524], class: "UPSTREAM_ERROR" },
  { id: "status-503", status: [498, 503, 529], class: "OVERLOADED" },
];

const ids = new Set(statusRules.map(({ id }) => id));

/** Whether a row knows no more than a status. */
export function isStatusRule(id: string): boolean {
  return ids.has(id);
}
