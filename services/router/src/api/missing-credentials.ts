import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MissingCredentialSchema } from "@penstock/api";
import { findProvider } from "@penstock/providers";
import type { CompiledProvider, Snapshot } from "@penstock/snapshot";

/** Says why a credential reference can't be resolved; undefined when it can be. */
export interface CredentialProblems {
  problemOf(reference: string): string | undefined;
}

type Missing = MessageInitShape<typeof MissingCredentialSchema>;

/** From the proto: an answer stays of a size that people read. */
const [mostProviders, mostDeployments] = [200, 20];

/** The providers with deployments whose credential this router lacks, by name. */
export function missingCredentials(
  snapshot: Pick<Snapshot, "deployments"> | undefined,
  credentials: CredentialProblems,
): Missing[] {
  const deployments = [...(snapshot?.deployments.values() ?? [])];
  const missing: Missing[] = [];
  for (const [name, users] of Map.groupBy(deployments, ({ provider }) => provider.name)) {
    const [{ provider } = { provider: undefined }] = users;
    const problem = provider && problemOf(provider, credentials);
    if (problem === undefined) continue;
    const names = users.map((one) => one.name).toSorted();
    const reference = provider?.credential ?? "";
    missing.push({
      provider: name,
      reference,
      problem,
      deployments: names.slice(0, mostDeployments),
    });
  }
  return missing
    .toSorted((one, other) => ((one.provider ?? "") < (other.provider ?? "") ? -1 : 1))
    .slice(0, mostProviders);
}

function problemOf(
  { kind, credential }: CompiledProvider,
  credentials: CredentialProblems,
): string | undefined {
  if (credential !== "") return credentials.problemOf(credential);
  return findProvider(kind)?.auth.required === true
    ? `is not named, and providers of kind ${kind} need one`
    : undefined;
}
