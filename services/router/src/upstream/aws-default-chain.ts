import { Secret } from "@penstock/runtime";
import type { CloudIdentity, ExpiringSecret } from "./cloud-identity.ts";

/** What stands for "never" among times that can be shown. */
const neverMs = 8_640_000_000_000_000;

/**
 * Amazon's own chain: environment, shared files and profiles, single sign-on, a process, web
 * identity (EKS), the metadata of containers (ECS, EKS Pod Identity) and of machines (EC2). The
 * argument of the reference names a profile of the shared files. Its client speaks to these places
 * itself; none of them is named by a provider's configuration.
 */
export const awsDefaultChain: CloudIdentity = {
  displayName: "Amazon Web Services",
  scheme: "aws-default",
  async obtain(argument: string, signal: AbortSignal): Promise<ExpiringSecret> {
    // Loaded when it is first needed: no router without AWS pays for it.
    const { defaultProvider } = await import("@aws-sdk/credential-provider-node");
    const provide = defaultProvider(argument === "" ? {} : { profile: argument });
    const keys = await orAborted(provide(), signal);
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = keys;
    const parts = [accessKeyId, secretAccessKey];
    if (sessionToken !== undefined) parts.push(sessionToken);
    return {
      secret: new Secret(parts.join(":")),
      expireTimeMs: expiration?.getTime() ?? neverMs,
    };
  },
};

/** The chain takes no signal; what comes too late is thrown away. */
function orAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new Error("Amazon's credential chain did not end in time"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
