import { GatewayError } from "@penstock/errors";
import type { FieldViolation } from "@penstock/errors";

/** Beyond this the rest is only counted: an error must fit the headers of gRPC. */
const maxViolations = 100;

/** Everything wrong with a request, so that it is told at once. */
export class ProblemList {
  readonly #violations: FieldViolation[] = [];
  readonly #elsewhere: FieldViolation[] = [];
  readonly #stale: string[] = [];
  readonly #others: GatewayError[] = [];

  /** A field that must be written differently; the reason is for programs. */
  invalid(field: string, description: string, reason?: string): void {
    this.#violations.push({ field, description, ...(reason === undefined ? {} : { reason }) });
  }

  /** What the request would break in resources that it does not name; told when nothing else is. */
  elsewhere(field: string, description: string): void {
    this.#elsewhere.push({ field, description });
  }

  /** A resource whose etag is not the one given. */
  stale(name: string): void {
    this.#stale.push(name);
  }

  /** A state that forbids the request. */
  other(error: GatewayError): void {
    this.#others.push(error);
  }

  /** What a rule threw about the part of the request at `field`. */
  add(field: string, error: GatewayError): void {
    if (error.reason !== "FIELD_INVALID") {
      this.other(error);
      return;
    }
    if (error.fieldViolations.length === 0) this.invalid(field, error.message);
    this.#violations.push(...error.fieldViolations);
  }

  /** Throws one error for all: fields first, then stale etags, then the first other one. */
  throwIfAny(): void {
    if (this.#violations.length > 0) throw fieldsInvalid(this.#violations);
    const [stale] = this.#stale;
    if (stale !== undefined) {
      const names = this.#stale.slice(0, 20).join(", ");
      const message = `Changed since read: ${names}; read again and repeat.`;
      throw new GatewayError("ETAG_MISMATCH", message, {
        resource: { type: "resource", name: stale },
        metadata: { resource: stale, resources: names },
      });
    }
    const [other] = this.#others;
    if (other !== undefined) throw other;
    if (this.#elsewhere.length > 0) throw fieldsInvalid(this.#elsewhere);
  }
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
