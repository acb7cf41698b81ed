export { createPolicyService } from "./src/service.ts";
export type { PolicyService, PolicyServiceDependencies } from "./src/service.ts";
export { policyEnvironment, readPolicyConfig } from "./src/config.ts";
export type { PolicyConfig } from "./src/config.ts";
export type { EnsureAdminTokenOptions } from "./src/tokens/admin-tokens.ts";
export { policySchema } from "./src/storage/migrate-policy.ts";
