import {
  deploymentManifest,
  projectManifest,
  providerManifest,
  routeManifest,
} from "@penstock/test-support";

/** Prices of the two vendors, in nano-USD per token. */
export const prices = {
  alpha: { input: 2_500n, output: 10_000n },
  beta: { input: 3_000n, output: 15_000n },
} as const;

/** Project `test`, the vendors alpha and beta, and route `smart`: alpha, then beta. */
export function testGateway(simulatorUrl: string): string {
  return [
    projectManifest("test"),
    providerManifest("alpha", `${simulatorUrl}/alpha/v1`, { inputUsd: "2.50", outputUsd: "10" }),
    providerManifest("beta", `${simulatorUrl}/beta/v1`, { inputUsd: "3", outputUsd: "15" }),
    deploymentManifest("alpha", "alpha", "alpha-large+delay-0"),
    deploymentManifest("beta", "beta", "beta-large+delay-0"),
    routeManifest("smart", ["alpha", "beta"]),
  ].join("");
}
