import { awsDefaultChain } from "./aws-default-chain.ts";
import { azureWorkloadIdentity } from "./azure-workload-identity.ts";
import type { CloudIdentity } from "./cloud-identity.ts";
import { createGoogleIdentity } from "./google-identity.ts";

/** The clouds whose own identity can stand for a provider's key; the only list of them. */
export const cloudIdentities: readonly CloudIdentity[] = [
  awsDefaultChain,
  azureWorkloadIdentity(),
  createGoogleIdentity(),
];
