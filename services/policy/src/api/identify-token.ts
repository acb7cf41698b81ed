import type { IdentifyTokenRequest } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import type { ApiDependencies } from "./dependencies.ts";

const sha256Bytes = 32;

/** Whose token has this hash. */
export function identifyToken({ tokens }: ApiDependencies) {
  return async ({ sha256 }: IdentifyTokenRequest) => {
    if (sha256.length !== sha256Bytes) {
      const description = `must have ${sha256Bytes} bytes`;
      throw new GatewayError("FIELD_INVALID", `sha256 ${description}.`, {
        fieldViolations: [{ field: "sha256", description }],
      });
    }
    const identity = await tokens.identify(sha256);
    if (identity === undefined) return { known: false };
    return { known: true, name: identity.name, roles: [...identity.roles] };
  };
}
