export { readRouterEndurance, routerEnvironment } from "./src/config.ts";
export type { RouterConfig, RouterEndurance, UsageDurability } from "./src/config.ts";
export { createRouterService } from "./src/service.ts";
export type { RouterAddresses, RouterDependencies, RouterService } from "./src/service.ts";
