import type { Question } from "@penstock/test-support";

/** How one request of a scenario ends. */
export interface ScenarioEnd {
  /** Timer that passes before the caller knows. */
  readonly timer?: "firstToken" | "progress";
  /** In words, for the table. */
  readonly outcome: string;
  /** Index of the target that answers; undefined: an error ends the request. */
  readonly answeredBy?: number;
  /** Reason of the error. */
  readonly reason?: string;
  readonly finishReason?: string;
  /** Calls that each target sees of this request. */
  readonly calls: readonly number[];
}

/** A way in which targets fail, and what a caller gets then. */
export interface FailoverScenario {
  /** Which of the sixteen; several ways of the same have the same number. */
  readonly number: number;
  readonly name: string;
  /** Faults of the route's targets, in its order; empty: healthy. Odd ones are beta's. */
  readonly targets: readonly string[];
  /** Capabilities of a target's record that are not its provider's. */
  readonly capabilities?: Readonly<Record<number, string>>;
  readonly question?: Partial<Question>;
  /** Ends of its requests, one after another. */
  readonly unary: readonly ScenarioEnd[];
  readonly stream: readonly ScenarioEnd[];
}

const second: ScenarioEnd = { outcome: "the second answers", answeredBy: 1, calls: [1, 1] };
const retried: ScenarioEnd = { ...second, outcome: "again, then the second", calls: [2, 1] };
const late: ScenarioEnd = { ...second, timer: "firstToken" };
/** A whole answer has begun with its head: from there on it has to go on. */
const halted: ScenarioEnd = { ...second, timer: "progress" };
const interrupted: ScenarioEnd = {
  outcome: "error in the stream",
  reason: "STREAM_INTERRUPTED",
  calls: [1, 0],
};
const stalled: ScenarioEnd = { ...interrupted, timer: "progress" };
const both = (...ends: ScenarioEnd[]) => ({ unary: ends, stream: ends });

/** The scenarios of `npm run prove -- failover`. */
export const failoverScenarios: readonly FailoverScenario[] = [
  {
    number: 1,
    name: "429 with Retry-After",
    targets: ["rate-limit+retry-after-20", ""],
    ...both(second, { outcome: "cooling down: not asked", answeredBy: 1, calls: [0, 1] }),
  },
  {
    number: 2,
    name: "429 of every target",
    targets: ["rate-limit+retry-after-20", "rate-limit+retry-after-30"],
    ...both({ outcome: "429 and a wait", reason: "UPSTREAM_RATE_LIMITED", calls: [1, 1] }),
  },
  {
    number: 3,
    name: "a single 500",
    targets: ["server-error+first-1", ""],
    ...both({ outcome: "the same answers", answeredBy: 0, calls: [2, 0] }),
  },
  { number: 4, name: "503", targets: ["overloaded", ""], ...both(second) },
  { number: 5, name: "TCP reset", targets: ["reset", ""], ...both(retried) },
  { number: 6, name: "accepted, never answered", targets: ["hang", ""], ...both(late) },
  {
    number: 7,
    name: "slow first token",
    targets: ["slow-content-9000", ""],
    unary: [halted],
    stream: [late],
  },
  { number: 8, name: "cut before content", targets: ["cut-after-0", ""], ...both(retried) },
  {
    number: 8,
    name: "cut after content",
    targets: ["cut-after-3", ""],
    unary: [retried],
    stream: [interrupted],
  },
  {
    number: 9,
    name: "stall before content",
    targets: ["stall-after-0", ""],
    unary: [halted],
    stream: [late],
  },
  {
    number: 9,
    name: "keep-alives before content",
    targets: ["ping-after-0", ""],
    unary: [halted],
    stream: [late],
  },
  {
    number: 9,
    name: "stall after content",
    targets: ["stall-after-3", ""],
    unary: [halted],
    stream: [stalled],
  },
  {
    number: 9,
    name: "keep-alives after content",
    targets: ["ping-after-3", ""],
    unary: [halted],
    stream: [stalled],
  },
  {
    number: 10,
    name: "malformed before content",
    targets: ["malformed-after-0", ""],
    ...both(retried),
  },
  {
    number: 10,
    name: "malformed after content",
    targets: ["malformed-after-3", ""],
    unary: [retried],
    stream: [interrupted],
  },
  {
    number: 11,
    name: "missing terminator",
    targets: ["no-end", ""],
    unary: [retried],
    stream: [interrupted],
  },
  {
    number: 12,
    name: "context length",
    targets: ["context-length", ""],
    ...both({ ...second, outcome: "the second has room" }),
  },
  {
    number: 13,
    name: "content filter, prompt",
    targets: ["content-filter", ""],
    ...both({ outcome: "refused, nobody else asked", reason: "CONTENT_FILTERED", calls: [1, 0] }),
  },
  {
    number: 13,
    name: "content filter, answer",
    targets: ["refusal", ""],
    ...both({
      outcome: "ends as filtered",
      answeredBy: 0,
      finishReason: "content_filter",
      calls: [1, 0],
    }),
  },
  {
    number: 14,
    name: "fallback refuses a prefill",
    targets: ["overloaded", "rejects-prefill", ""],
    question: { prefill: "Well," },
    ...both({
      outcome: "its 400 is the answer",
      reason: "UPSTREAM_REJECTED_REQUEST",
      calls: [1, 1, 0],
    }),
  },
  {
    number: 14,
    name: "known to refuse a prefill",
    targets: ["overloaded", "rejects-prefill", ""],
    capabilities: { 1: "{ prefill: false }" },
    question: { prefill: "Well," },
    ...both({ outcome: "not asked, the third answers", answeredBy: 2, calls: [1, 0, 1] }),
  },
  {
    number: 14,
    name: "fallback has no schemas",
    targets: ["overloaded", "rejects-response_format", ""],
    capabilities: { 1: "{ jsonSchema: false }" },
    question: { schema: { type: "object", properties: { city: { type: "string" } } } },
    ...both({ outcome: "not asked, the third answers", answeredBy: 2, calls: [1, 0, 1] }),
  },
  {
    number: 15,
    name: "flapping, every third fails",
    targets: ["server-error+every-3", ""],
    ...both(
      { outcome: "the same answers", answeredBy: 0, calls: [1, 0] },
      { outcome: "the same answers", answeredBy: 0, calls: [1, 0] },
      { outcome: "the same answers", answeredBy: 0, calls: [2, 0] },
      { outcome: "the same answers", answeredBy: 0, calls: [1, 0] },
    ),
  },
  {
    number: 16,
    name: "accounting across failover",
    targets: ["error-after-0", ""],
    ...both({ ...second, outcome: "both attempts charged, once" }),
  },
];
