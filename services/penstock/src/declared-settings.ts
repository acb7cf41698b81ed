import { observabilityEnvironment } from "@penstock/observability";
import type { Setting } from "@penstock/runtime";
import { tlsVariables } from "./certificates/tls-settings.ts";
import { startVariables } from "./start-variables.ts";
import { targetVariables } from "./target.ts";
import { workerVariables } from "./workers/read-workers.ts";

/** Settings that belong together, under one heading. */
export interface SettingGroup {
  readonly title: string;
  readonly settings: readonly Setting[];
}

/**
 * Every setting of every role, from where it is declared. Reads all services, which no start does:
 * a start knows names alone, from `setting-names.ts`, which is generated from this.
 */
export async function declaredSettings(): Promise<readonly SettingGroup[]> {
  const [{ routerEnvironment }, { policyEnvironment }, { quotaEnvironment }, telemetry, simulator] =
    await Promise.all([
      import("@penstock/router"),
      import("@penstock/policy"),
      import("@penstock/quota"),
      import("@penstock/telemetry"),
      import("@penstock/simulator"),
    ]);
  const groups = {
    "The process": startVariables,
    TLS: tlsVariables,
    "The router": { ...workerVariables, ...routerEnvironment },
    "Policy, quota and telemetry": {
      ...policyEnvironment,
      ...quotaEnvironment,
      ...telemetry.telemetryEnvironment,
    },
    "The simulator": simulator.simulatorEnvironment,
    "Commands of administrators": targetVariables,
    "Logs and traces": observabilityEnvironment,
  };
  return Object.entries(groups).map(([title, settings]) => ({
    title,
    settings: Object.values<Setting>(settings),
  }));
}
