export { isAddressAllowed, isMetadataAddress, type AddressPolicy } from "./src/address-guard.ts";
export { checkBaseUrl, type BaseUrlCheck, type BaseUrlPolicy } from "./src/base-url.ts";
export {
  credentialHeaders,
  operationPath,
  type AuthScheme,
  type Capabilities,
  type CountingAddress,
  type EmbeddingAddress,
  type LimitHeaders,
  type OperationAddress,
  type OperationAddresses,
  type PathPlace,
  type Provider,
  type ProviderKind,
  type ProviderOperation,
  type ProviderOperations,
  type RateLimitHeaders,
  type Verification,
} from "./src/provider.ts";
export { parseIpRange, type IpRange } from "./src/ip-address.ts";
export {
  openaiRateLimits,
  readRateLimits,
  type ProviderLimit,
  type ProviderLimits,
} from "./src/rate-limit-headers.ts";
export { findProvider, providers } from "./src/registry.ts";
