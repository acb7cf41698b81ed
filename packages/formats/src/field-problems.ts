import { GatewayError } from "@penstock/errors";

type ProblemReason = "FIELD_INVALID" | "UNSUPPORTED_FIELD";

/** Most problems told at once; a caller mends a few, a hostile one gets no long answer. */
const maxProblems = 20;

/** Where in a body messages and parts of the request that was read from it stood. */
export type FieldOrigins = Map<object, string>;

/** Collects what is wrong with a request, so that the caller learns of all of it at once. */
export class FieldProblems {
  readonly #origins: FieldOrigins | undefined;
  readonly #violations: { field: string; description: string; reason: ProblemReason }[] = [];

  /** With `origins` it also notes where what is read stood; nobody wants to know that otherwise. */
  constructor(origins?: FieldOrigins) {
    this.#origins = origins;
  }

  /** Whether it notes where what is read stood. */
  get traces(): boolean {
    return this.#origins !== undefined;
  }

  /** What stands at the path became this message or part. */
  made(value: object | undefined, path: string): void {
    if (this.#origins !== undefined && value !== undefined) this.#origins.set(value, path);
  }

  /** Whether no further problem is told; loops over caller data may stop then. */
  get full(): boolean {
    return this.#violations.length >= maxProblems;
  }

  /** Number of problems so far. */
  get count(): number {
    return this.#violations.length;
  }

  /** Notes a malformed field. `field` is its path, for example `messages[2].content[0].text`. */
  add(field: string, description: string): void {
    this.#note(field, description, "FIELD_INVALID");
  }

  /** Notes a field that is known and refused. */
  addUnsupported(field: string, description: string): void {
    this.#note(field, description, "UNSUPPORTED_FIELD");
  }

  /** Throws UNSUPPORTED_FIELD when all problems are of that kind, FIELD_INVALID otherwise. */
  throwIfAny(): void {
    const first = this.#violations[0];
    if (first === undefined) return;
    const reason = this.#violations.every((one) => one.reason === "UNSUPPORTED_FIELD")
      ? "UNSUPPORTED_FIELD"
      : "FIELD_INVALID";
    const others = this.#violations.length - 1;
    const tail = others === 0 ? "" : ` (and ${others} more)`;
    throw new GatewayError(reason, `The field ${first.field} ${first.description}${tail}.`, {
      fieldViolations: this.#violations,
    });
  }

  #note(field: string, description: string, reason: ProblemReason): void {
    if (this.full) return;
    this.#violations.push({ field: field.slice(0, 256), description, reason });
  }
}
