export { createClient } from "@connectrpc/connect";
export type {
  Client,
  ConnectRouter,
  HandlerContext,
  ServiceImpl,
  Transport,
} from "@connectrpc/connect";
export { computeEtag } from "./src/aip/etag.ts";
export { applyFieldMask } from "./src/aip/field-mask.ts";
export { createPageTokens, listQuery, pageSize } from "./src/aip/page-token.ts";
export type { PageTokens } from "./src/aip/page-token.ts";
export { canonicalBytes } from "./src/aip/canonical-bytes.ts";
export {
  collections,
  expectResourceName,
  formatResourceName,
  isResourceId,
  parseResourceName,
} from "./src/aip/resource-name.ts";
export type { Collection, ResourceName } from "./src/aip/resource-name.ts";
export { identityOf, requestIdOf, spanContextOf } from "./src/call-state.ts";
export type { Identity } from "./src/call-state.ts";
export {
  callOptions,
  createInProcessTransport,
  createNetworkTransport,
} from "./src/connect-client.ts";
export type {
  CallSettings,
  ClientOptions,
  NetworkClientOptions,
  ServiceTransport,
} from "./src/connect-client.ts";
export { startConnectServer } from "./src/connect-server.ts";
export type {
  ConnectServer,
  ConnectServerOptions,
  HttpRequest,
  HttpResponse,
} from "./src/connect-server.ts";
export type { ServingOptions } from "./src/request-gate.ts";
export { grpcMethodDefinition, grpcServiceDefinition } from "./src/grpc-service-definition.ts";
export { fromGrpcError, toGrpcError } from "./src/grpc-status-details.ts";
export type { GrpcError } from "./src/grpc-status-details.ts";
export { addGrpcHealth } from "./src/grpc-health.ts";
export type { GrpcHealth } from "./src/grpc-health.ts";
export { addGrpcReflection } from "./src/grpc-reflection.ts";
export { grpcServerOptions } from "./src/grpc-server-options.ts";
export type { GrpcServerSettings } from "./src/grpc-server-options.ts";
export { assertRequirements } from "./src/interceptors/authentication.ts";
export type { Authenticate } from "./src/interceptors/authentication.ts";
export { assertGenericBounds } from "./src/interceptors/validation.ts";
export { identifyRequest } from "./src/identify-request.ts";
export { differingValues } from "./src/differing-values.ts";
export { FollowedServerCredentials } from "./src/tls/followed-server-credentials.ts";
export type { TlsClientFiles } from "./src/tls/tls-connect.ts";
export { openTlsSource } from "./src/tls/tls-source.ts";
export type { TlsServerFiles, TlsSource } from "./src/tls/tls-source.ts";
export { restateNeighbourError } from "./src/neighbour-error.ts";
