import type { GenerateRequest, RoutingWishes } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";

/** Where a caller wrote what it wishes of routing; problems are told in the words it used. */
export type WishDialect = "penstock.routing" | "provider" | "providerOptions.gateway";

/** What a caller says to Penstock itself, in whichever dialect. */
export interface Wishes {
  routing: RoutingWishes | undefined;
  /** Where `routing` came from; undefined where only `models` was given. */
  dialect: WishDialect | undefined;
  labels: Record<string, string> | undefined;
  idempotencyKey: string | undefined;
  session: string | undefined;
  /** Whether the answer is to tell how it came about. */
  report: boolean;
}

/** Nothing was wished. */
export function newWishes(): Wishes {
  return {
    routing: undefined,
    dialect: undefined,
    labels: undefined,
    idempotencyKey: undefined,
    session: undefined,
    report: false,
  };
}

/** The routing wishes, made when they are first needed. */
export function routingOf(wishes: Wishes): RoutingWishes {
  return (wishes.routing ??= {
    $typeName: "penstock.inference.v1.RoutingWishes",
    onlyProviders: [],
    ignoreProviders: [],
    providerOrder: [],
    models: [],
    sort: 0,
  });
}

/** Begins to read wishes in a dialect; false, and a problem noted, when another was used before. */
export function useDialect(problems: FieldProblems, wishes: Wishes, dialect: WishDialect): boolean {
  if (wishes.dialect === undefined) {
    wishes.dialect = dialect;
    return true;
  }
  problems.add(dialect, `says the same as ${wishes.dialect}; give one of them`);
  return false;
}

/** What wishes are put into. */
type Wished = Pick<GenerateRequest, "routing" | "idempotencyKey" | "session" | "labels">;

/** Puts what was wished into the canonical request. Labels are added to those it has. */
export function applyWishes(request: Wished, wishes: Wishes): void {
  request.routing = wishes.routing;
  request.idempotencyKey = wishes.idempotencyKey;
  if (wishes.session !== undefined) request.session = wishes.session;
  if (wishes.labels !== undefined) Object.assign(request.labels, wishes.labels);
}
