import type { ContextValues } from "@connectrpc/connect";
import { createContextKey } from "@connectrpc/connect";
import type { Role } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import type { Span, SpanContext } from "@penstock/observability";
import type { PeerCertificate } from "./tls/peer-certificate.ts";

/** Who calls: an administrator with roles, or one of Penstock's own services. */
export interface Identity {
  readonly kind: "admin" | "service";
  readonly name: string;
  /** Of a service that a certificate names: its role. Absent for tokens, which name none. */
  readonly role?: string;
  /** Values of `penstock.type.v1.Role`; empty for services. */
  readonly roles: readonly Role[];
}

/** What is known of a call before its message is read, and how its end is told. */
export interface CallState {
  readonly requestId: string;
  readonly span: Span;
  /** When the call arrived, by `performance.now()`. */
  readonly startMs: number;
  /** Set by the gate when it lets the call pass. */
  identity: Identity | undefined;
  /** True from the moment the interceptors have the call: they will end it. */
  handed: boolean;
  /** Ends span and access log; `thrown` is undefined on success. Only the first call counts. */
  readonly end: (thrown: unknown) => void;
}

/** The part of a handler's context that holds values. */
interface WithValues {
  readonly values: ContextValues;
}

/** What a port knows of a call that its headers do not tell. */
export interface ArrivalFacts {
  readonly certificate: PeerCertificate | undefined;
  /** Two authorization headers that differ; the library shows only the first. */
  readonly ambiguous: boolean;
}

/** Where a port leaves what it knows for the gate. */
export const arrivalKey = createContextKey<ArrivalFacts | undefined>(undefined, {
  description: "penstock arrival",
});

/** Where the gate leaves the state of a call for interceptors and handlers. */
export const callStateKey = createContextKey<CallState | undefined>(undefined, {
  description: "penstock call",
});

/** The caller. Throws ADMIN_UNAUTHENTICATED where the call did not pass the gate. */
export function identityOf(context: WithValues): Identity {
  const identity = context.values.get(callStateKey)?.identity;
  if (identity !== undefined) return identity;
  throw new GatewayError("ADMIN_UNAUTHENTICATED", "The call carries no identity.");
}

/** The id of the request, as in its logs, its trace and the header `x-request-id`. */
export function requestIdOf(context: WithValues): string {
  return context.values.get(callStateKey)?.requestId ?? "";
}

/** The server span of the call, as parent for what the handler does. */
export function spanContextOf(context: WithValues): SpanContext | undefined {
  return context.values.get(callStateKey)?.span.context;
}
