import { GatewayError } from "@penstock/errors";
import type { FieldViolation } from "@penstock/errors";

/** Beyond this the rest is only counted: an error must fit the headers of gRPC. */
const maxViolations = 100;

/** Everything wrong with a request, so that it is told at once. */
export class ProblemList {
  readonly #violations: FieldViolation[] = [];
  readonly #elsewhere: FieldViolation[] = [];
  readonly #stale: { readonly name: string; readonly field: string }[] = [];
  readonly #others: { readonly error: GatewayError; readonly field: string }[] = [];

  readonly #isBatch: boolean;

  /** `isBatch`: the request is about several resources, so that one reason can't stand for all. */
  constructor(isBatch: boolean) {
    this.#isBatch = isBatch;
  }

  /** A field that must be written differently; the reason is for programs. */
  invalid(field: string, description: string, reason?: string): void {
    this.#violations.push({ field, description, ...(reason === undefined ? {} : { reason }) });
  }

  /** What the request would break in resources that it does not name; told when nothing else is. */
  elsewhere(field: string, description: string): void {
    this.#elsewhere.push({ field, description });
  }

  /** A resource whose etag is not the one given, and where the request names it. */
  stale(name: string, field: string): void {
    this.#stale.push({ name, field });
  }

  /** A state that forbids the part of the request at `field`. */
  other(error: GatewayError, field: string): void {
    this.#others.push({ error, field });
  }

  /** What a rule threw about the part of the request at `field`. */
  add(field: string, error: GatewayError): void {
    if (error.reason !== "FIELD_INVALID") {
      this.other(error, field);
      return;
    }
    if (error.fieldViolations.length === 0) this.invalid(field, error.message);
    this.#violations.push(...error.fieldViolations);
  }

  /**
   * Throws one error for all: fields first, then stale etags, then states that forbid the request.
   * Of a batch with several sorts all are told, as FIELD_INVALID with a violation for each.
   */
  throwIfAny(): void {
    const reasons = new Set([
      ...this.#violations.map(() => "FIELD_INVALID"),
      ...this.#stale.map(() => "ETAG_MISMATCH"),
      ...this.#others.map(({ error }) => error.reason),
    ]);
    if (this.#isBatch && reasons.size > 1) throw fieldsInvalid(this.#all());
    if (this.#violations.length > 0) throw fieldsInvalid(this.#violations);
    if (this.#stale.length > 0) throw this.#changedSinceRead();
    if (this.#others.length > 0) throw forbidden(this.#others.map(({ error }) => error));
    if (this.#elsewhere.length > 0) throw fieldsInvalid(this.#elsewhere);
  }

  #all(): FieldViolation[] {
    const others = this.#others.map(({ error, field }) => {
      return { field, description: `can't be: ${error.message}`, reason: error.reason };
    });
    return [...this.#violations, ...this.#staleFields(), ...others];
  }

  #staleFields(): FieldViolation[] {
    return this.#stale.map(({ name, field }) => {
      const description = `has an old etag: ${name} was changed since it was read`;
      return { field, description, reason: "ETAG_MISMATCH" };
    });
  }

  #changedSinceRead(): GatewayError {
    const names = this.#stale.slice(0, 20).map(({ name }) => name);
    const [first = ""] = names;
    const all = names.join(", ");
    return new GatewayError("ETAG_MISMATCH", `Changed since read: ${all}; read again and repeat.`, {
      resource: { type: "resource", name: first },
      metadata: { resource: first, resources: all, problems: String(this.#stale.length) },
      // Who sent resources is told which of them, as of any other problem.
      fieldViolations: this.#staleFields().slice(0, maxViolations),
    });
  }
}

/** One error for states that forbid a request for the same reason. */
function forbidden(errors: readonly GatewayError[]): GatewayError {
  const [first] = errors;
  if (first === undefined || errors.length === 1) return first ?? fieldsInvalid([]);
  const message = errors.slice(0, 10).map((error) => error.message);
  const more = errors.length > message.length ? ` (${errors.length} in all)` : "";
  return new GatewayError(first.reason, `${message.join(" ")}${more}`, {
    metadata: first.metadata,
    preconditionViolations: errors
      .flatMap((error) => error.preconditionViolations)
      .slice(0, maxViolations),
    ...(first.resource === undefined ? {} : { resource: first.resource }),
  });
}

function fieldsInvalid(violations: readonly FieldViolation[]): GatewayError {
  const shown = violations.slice(0, maxViolations);
  const lines = shown.slice(0, 10).map(({ field, description }) => `${field}: ${description}`);
  const more = violations.length > lines.length ? ` (${violations.length} problems in all)` : "";
  return new GatewayError("FIELD_INVALID", `${lines.join("; ")}${more}.`, {
    fieldViolations: shown,
    metadata: { problems: String(violations.length) },
  });
}
