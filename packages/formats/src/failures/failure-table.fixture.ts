import { failureTreatments } from "./failure-treatments.ts";
import type { FailureRule } from "./failure-rule.ts";
import type { UpstreamFailure } from "../upstream-failure.ts";

/** One documented error and what it means. */
export interface FailureRow {
  /** Id of the row that decides; empty: none does. */
  readonly rule: string;
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A JSON value, or bare text. */
  readonly body: unknown;
  /** True: it stands within an answer of status 200. */
  readonly inBand?: boolean;
  readonly class: string;
  /** What cools down. */
  readonly cooldown: string;
  readonly retryAfterMs?: number;
  readonly unmapped?: boolean;
}

/** Documented errors, with the pages that document them. */
export interface FailureRows {
  readonly source: readonly string[];
  readonly rows: readonly FailureRow[];
}

/** What is wrong with a table: rows without an example, ids given twice. Empty: nothing. */
export function tableProblems(rules: readonly FailureRule[], { rows }: FailureRows): string[] {
  const shown = new Set(rows.map(({ rule }) => rule));
  const seen = new Set<string>();
  return rules.flatMap(({ id }) => {
    const problems = seen.has(id) ? [`${id} stands twice`] : [];
    seen.add(id);
    return shown.has(id) ? problems : [...problems, `${id} has no example`];
  });
}

/** A failure as its row tells it, to be compared with the row. */
export function describeFailure(failure: UpstreamFailure): Omit<FailureRow, "status" | "body"> {
  const { class: failureClass, retryAfterMs } = failure;
  return {
    rule: failure.rule ?? "",
    class: failureClass,
    cooldown: failure.cooldown ?? failureTreatments[failureClass].cooldown,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(failure.unmapped === true ? { unmapped: true } : {}),
  };
}

/** The part of a row that `describeFailure` tells. */
export function expectedOf(row: FailureRow): Omit<FailureRow, "status" | "body"> {
  const { rule, class: failureClass, cooldown, retryAfterMs, unmapped } = row;
  return {
    rule,
    class: failureClass,
    cooldown,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(unmapped === true ? { unmapped: true } : {}),
  };
}

/** The body of a row as it travels. */
export function bodyBytes({ body }: FailureRow): Uint8Array {
  return new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body));
}
