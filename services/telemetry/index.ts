export { readTelemetryConfig, telemetryEnvironment } from "./src/config.ts";
export type { TelemetryConfig } from "./src/config.ts";
export { createTelemetryService } from "./src/service.ts";
export type { TelemetryDependencies, TelemetryService } from "./src/service.ts";
export type {
  PriceConfiguration,
  PricedDeployment,
  PricedSnapshot,
} from "./src/rating/price-history.ts";
export { recordsSchema } from "./src/storage/migrate-records.ts";
