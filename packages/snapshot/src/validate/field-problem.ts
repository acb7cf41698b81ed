/** What kind of fault a field has. */
export type FieldFault = "REQUIRED" | "INVALID" | "UNSUPPORTED" | "REFERENCE_MISSING" | "CONFLICT";

/** What is wrong with one field of a resource; has the shape of a field violation. */
export interface FieldProblem {
  /** Path inside the resource in proto JSON names, such as `targets[0].deployment`. */
  readonly field: string;
  readonly description: string;
  readonly reason: FieldFault;
}

/** Collects what is wrong, so that all of it is reported at once. */
export class ProblemList {
  readonly problems: FieldProblem[] = [];

  /** A value that is not one. */
  invalid(field: string, description: string): void {
    this.problems.push({ field, description, reason: "INVALID" });
  }

  /** A value that is needed and absent; `hint` says what it could be. */
  required(field: string, hint?: string): void {
    const description = hint === undefined ? "is required" : `is required: ${hint}`;
    this.problems.push({ field, description, reason: "REQUIRED" });
  }

  /** A value that would be one in a later version. */
  unsupported(field: string, description: string): void {
    this.problems.push({ field, description, reason: "UNSUPPORTED" });
  }

  /** Two values that do not go together. */
  conflict(field: string, description: string): void {
    this.problems.push({ field, description, reason: "CONFLICT" });
  }

  /** The same faults under a field of the outer message. */
  nested(prefix: string, problems: readonly FieldProblem[]): void {
    for (const problem of problems) {
      const dot = problem.field === "" || problem.field.startsWith("[") ? "" : ".";
      this.problems.push({ ...problem, field: `${prefix}${dot}${problem.field}` });
    }
  }
}
