export { quotaEnvironment, readQuotaConfig } from "./src/config.ts";
export type { QuotaConfig } from "./src/config.ts";
export { createQuotaService } from "./src/service.ts";
export type { QuotaDependencies, QuotaService } from "./src/service.ts";
export type { QuotaConfiguration, QuotaDefinition } from "./src/ledger/quota-rule.ts";
export { ledgerSchema } from "./src/storage/migrate-ledger.ts";
