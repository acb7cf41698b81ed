import {
  deploymentManifest,
  projectManifest,
  providerManifest,
  routeManifest,
} from "@penstock/test-support";

/** A deployment of the simulator's model for vectors at `providers/alpha`. */
export const embeddingManifest = `kind: Deployment
name: deployments/embed
provider: providers/alpha
model: sim-embed
priceBook: priceBooks/alpha
capabilities: { generation: false }
---
`;

/**
 * What official clients are tried against: a project, a vendor, `embed`, and for each of `faults` a
 * model of that name which fails so; `url`: of the simulator.
 */
export function clientResources(url: string, faults: Readonly<Record<string, string>>): string {
  return [
    projectManifest("test"),
    providerManifest("alpha", `${url}/alpha/v1`, { inputUsd: "2.50", outputUsd: "10" }),
    ...Object.entries(faults).map(
      ([id, fault]) =>
        deploymentManifest(id, "alpha", `alpha-large+${fault}`) + routeManifest(id, [id]),
    ),
    embeddingManifest,
    routeManifest("embed", ["embed"]),
  ].join("");
}
