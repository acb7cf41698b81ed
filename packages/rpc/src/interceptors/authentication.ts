import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { getOption, hasOption } from "@bufbuild/protobuf";
import type { Requirement } from "@penstock/api";
import { requires } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import type { ArrivalFacts, Identity } from "../call-state.ts";

/** Turns the text of a bearer token into an identity; undefined for a token that is not valid. */
export type Authenticate = (token: string) => Identity | undefined | Promise<Identity | undefined>;

/** Our tokens have 68 characters; longer ones are not looked at. */
const maxTokenCharacters = 512;

/** Everything by which a caller shows who it is. */
export interface Credentials {
  readonly header: Headers;
  /** Absent in process. */
  readonly arrival: ArrivalFacts | undefined;
}

/**
 * Finds out who calls and whether the method's `requires` option allows it. Throws
 * ADMIN_UNAUTHENTICATED or ADMIN_PERMISSION_DENIED.
 */
export async function authenticateCall(
  credentials: Credentials,
  method: DescMethod,
  authenticate: Authenticate,
): Promise<Identity> {
  const identity = await identifyCaller(credentials, authenticate);
  if (!isAllowed(identity, getOption(method, requires))) throw permissionDenied(identity, method);
  return identity;
}

/**
 * Every credential that is shown must be good. An administrator's token says who calls also over
 * the connection of a service; otherwise the certificate does, which names the service. Throws
 * ADMIN_UNAUTHENTICATED.
 */
export async function identifyCaller(
  { header, arrival }: Credentials,
  authenticate: Authenticate,
): Promise<Identity> {
  if (arrival?.ambiguous === true) {
    throw unauthenticated("The call has two authorization headers that differ; send one.");
  }
  const certificate = arrival?.certificate;
  if (certificate !== undefined && "problem" in certificate) {
    throw unauthenticated(`The client certificate ${certificate.problem}.`);
  }
  const given = header.get("authorization");
  if (given === null && certificate !== undefined) return certificate.identity;
  const token = bearerToken(given);
  if (token === undefined) {
    throw unauthenticated("The call carries no token; send authorization: Bearer <token>.");
  }
  const identity = await authenticate(token);
  if (identity === undefined) throw unauthenticated("The token is not valid.");
  return identity.kind === "service" ? (certificate?.identity ?? identity) : identity;
}

/** Throws at start when an RPC does not say who may call it, or says that nobody may. */
export function assertRequirements(services: Iterable<DescService>): void {
  const undeclared = [...services].flatMap((service) =>
    service.methods.filter((method) => !declaresRequirement(method)).map(methodName),
  );
  if (undeclared.length > 0) {
    throw new TypeError(
      `RPCs without the option penstock.type.v1.requires: ${undeclared.join(", ")}`,
    );
  }
}

/** `package.Service/Method`. */
export function methodName(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

function declaresRequirement(method: DescMethod): boolean {
  if (!hasOption(method, requires)) return false;
  const { roles, services, virtualKey } = getOption(method, requires);
  return roles.length > 0 || services.length > 0 || virtualKey;
}

function bearerToken(header: string | null): string | undefined {
  const match = /^bearer +([\x21-\x7e]+)$/i.exec(header ?? "");
  const token = match?.[1];
  return token === undefined || token.length > maxTokenCharacters ? undefined : token;
}

function isAllowed(identity: Identity, requirement: Requirement): boolean {
  if (identity.kind === "service") {
    const { role } = identity;
    return role === undefined
      ? requirement.services.length > 0
      : requirement.services.includes(role);
  }
  return identity.roles.some((role) => requirement.roles.includes(role));
}

function unauthenticated(message: string): GatewayError {
  return new GatewayError("ADMIN_UNAUTHENTICATED", message);
}

function permissionDenied(identity: Identity, method: DescMethod): GatewayError {
  const message = "The caller's role does not allow this RPC.";
  return new GatewayError("ADMIN_PERMISSION_DENIED", message, {
    metadata: { method: methodName(method), identity: identity.name, kind: identity.kind },
  });
}
