// Names by which clients of other gateways and SDKs set a destination, a credential, headers or
// further models (security.md R5 and S26). A field among them never reaches an upstream, because
// the upstream may be a gateway that obeys it.
const refusedNames = new Set([
  "api_base",
  "api_key",
  "api_type",
  "api_url",
  "api_version",
  "authorization",
  "base_model",
  "base_url",
  "callbacks",
  "credentials",
  "custom_host",
  "custom_llm_provider",
  "default_headers",
  "deployment_id",
  "endpoint",
  "extra_body",
  "extra_headers",
  "extra_query",
  "failure_callback",
  "fallbacks",
  "headers",
  "host",
  "http_client",
  "litellm_params",
  "mock_response",
  "model_list",
  "models",
  "organization",
  "provider",
  "proxies",
  "proxy",
  "region_name",
  "route",
  "success_callback",
  "url",
]);

const refusedPrefixes = ["aws_", "azure_", "vertex_", "litellm_"];

/**
 * Whether a field of a request's top level is refused by name, however it is capitalized or
 * hyphenated.
 */
export function isRefusedField(name: string): boolean {
  const plain = name.toLowerCase().replaceAll("-", "_");
  return refusedNames.has(plain) || refusedPrefixes.some((prefix) => plain.startsWith(prefix));
}
