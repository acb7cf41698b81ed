import type { GatewayError } from "@penstock/errors";
import type { RequestContext } from "./request-context.ts";

/** Why a request stops at a stage; undefined lets it go on. */
export type Refusal = GatewayError | undefined;

/** One synchronous step before the first attempt. */
export type Stage = (context: RequestContext) => Refusal;
