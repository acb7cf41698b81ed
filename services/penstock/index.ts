export { applyManifests, ManifestsRefused } from "./src/apply-manifests.ts";
export type { ApplyOptions } from "./src/apply-manifests.ts";
export { createControlClients } from "./src/api/clients.ts";
export type { ControlClients } from "./src/api/clients.ts";
export { compose } from "./src/compose.ts";
export type { ComposeOptions, Composition } from "./src/compose.ts";
export { migrateDatabase } from "./src/migrate-database.ts";
export type { StartSettings } from "./src/settings.ts";
