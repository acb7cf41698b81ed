import type { Provider } from "../provider.ts";

/**
 * Amazon Bedrock by its Converse API. There is one address for each region, such as
 * `https://bedrock-runtime.eu-central-1.amazonaws.com`. The credential is an API key of Bedrock,
 * keys of AWS (`<access key id>:<secret key>`) or Amazon's own chain (`aws-default:`).
 */
export const awsBedrock: Provider = {
  kind: "aws-bedrock",
  displayName: "Amazon Bedrock",
  telemetryName: "aws.bedrock",
  defaultBaseUrl: undefined,
  exampleBaseUrl: "https://bedrock-runtime.eu-central-1.amazonaws.com",
  operations: {
    generate: [
      {
        format: "bedrock-converse",
        path: "/model/{model}/converse",
        streamPath: "/model/{model}/converse-stream",
        count: { format: "bedrock-count-tokens", path: "/model/{model}/count-tokens" },
      },
    ],
  },
  auth: { scheme: "aws", service: "bedrock", required: true },
  identities: ["aws-default"],
  headers: {},
  quirks: {
    maxTokensField: "max_tokens",
    sendsDeveloperRole: false,
    supportsStreamUsage: true,
    sendsReasoning: false,
  },
  capabilities: {
    streaming: true,
    tools: true,
    images: true,
    audioInput: false,
    files: true,
    jsonSchema: true,
    multipleCandidates: false,
  },
  verification: {
    how: "fixture from documentation",
    sources: [
      "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html",
      "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html",
      "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html",
      "https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html",
    ],
  },
  priceNotes: [
    "Prices differ by region, and by inference profile.",
    "Tokens read from the cache and written to it are told beside the input; here they are part of it.",
    "Tokens kept in the cache for an hour have a price of their own.",
    "The field serviceTier and optimized latency change the price of a request: variants.",
  ],
};
