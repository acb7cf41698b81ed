export type { SimulatedCall } from "./src/call-log.ts";
export { receiveMessages, tokensPerMessage } from "./src/received-messages.ts";
export type { ReceivedMessages } from "./src/received-messages.ts";
export { knownFaults } from "./src/scenario.ts";
export { createSimulator } from "./src/service.ts";
export type { Simulator, SimulatorOptions } from "./src/service.ts";
export { countTokens } from "./src/token-count.ts";
export { defaultVendors } from "./src/vendors.ts";
export type { SimulatedModel, SimulatedVendor } from "./src/vendors.ts";
