import type { Project } from "./source/project.ts";

/** One broken rule at one place, with what to do about it. */
export interface Violation {
  readonly rule: string;
  readonly path: string;
  /** Counted from 1; absent when the whole file or folder is meant. */
  readonly line?: number;
  /** What is wrong and, after an arrow, where it should go or what to do. */
  readonly message: string;
}

/** A rule looks at the whole project and returns every place that breaks it. */
export type Rule = (project: Project) => Violation[];

/** `rule  path:line  message`, the form in which tests and readers see a violation. */
export function formatViolation(violation: Violation): string {
  const place =
    violation.line === undefined ? violation.path : `${violation.path}:${violation.line}`;
  return `${violation.rule}  ${place}  ${violation.message}`;
}
