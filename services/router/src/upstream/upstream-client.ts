import type { Observability } from "@penstock/observability";
import type { Secret } from "@penstock/runtime";
import type { CompiledTarget } from "@penstock/snapshot";
import type { UpstreamCall, UpstreamHandle } from "./upstream-call.ts";

export interface UpstreamClientOptions {
  /** See `Credentials.resolve`; undefined: it is missing. */
  readonly resolveCredential: (reference: string) => Secret | undefined;
  readonly observability: Observability;
}

export declare class UpstreamClient {
  constructor(options: UpstreamClientOptions);
  /** Never calls the sink before it returns. */
  dispatch(call: UpstreamCall): UpstreamHandle;
  isFull(target: CompiledTarget): boolean;
  /** Whether its credential can be resolved; otherwise the deployment is CREDENTIAL_MISSING. */
  hasCredential(target: CompiledTarget): boolean;
  close(): Promise<void>;
}
