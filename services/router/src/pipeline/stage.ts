import type { GatewayError } from "@penstock/errors";

/** Why a request stops at a stage; undefined lets it go on. */
export type Refusal = GatewayError | undefined;
