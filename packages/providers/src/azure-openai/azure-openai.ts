import type { OperationAddress, Provider } from "../provider.ts";
import { failureRules } from "./failure-rules.ts";

/** Paths of an operation that has a deployment and a version in its path, or neither. */
function ofDeployment(operation: string): Pick<OperationAddress, "path" | "pathsBehind"> {
  const path = `/deployments/{model}${operation}?api-version={api_version}`;
  return {
    path: `/openai${path}`,
    pathsBehind: [
      { end: "/openai/v1", path: operation },
      { end: "/openai", path },
    ],
  };
}

/**
 * OpenAI's models at Azure. The base URL is that of the resource, such as
 * `https://my-resource.openai.azure.com`; the model is the name of Azure's deployment. With
 * `/openai/v1` at its end the API without versions is meant.
 */
export const azureOpenai: Provider = {
  kind: "azure-openai",
  displayName: "Azure OpenAI",
  telemetryName: "azure.ai.openai",
  defaultBaseUrl: undefined,
  exampleBaseUrl: "https://my-resource.openai.azure.com",
  operations: {
    generate: [
      { format: "openai-chat", ...ofDeployment("/chat/completions") },
      {
        format: "openai-responses",
        path: "/openai/v1/responses",
        pathsBehind: [
          { end: "/openai/v1", path: "/responses" },
          { end: "/openai", path: "/v1/responses" },
        ],
        // The endpoint that counts its tokens is answered with 404 at Azure.
        capabilities: { multipleCandidates: false, audioInput: false },
      },
    ],
    embed: {
      format: "openai-embeddings",
      ...ofDeployment("/embeddings"),
      quirks: { sendsBase64: true, knowsUser: true },
    },
  },
  auth: { scheme: "header", name: "api-key", required: true },
  identities: ["azure-workload"],
  // The newest version that is no preview.
  defaultApiVersion: "2024-10-21",
  headers: {},
  quirks: {
    maxTokensField: "max_completion_tokens",
    // The default version of the API came before the role; `system` means the same to every model.
    sendsDeveloperRole: false,
    supportsStreamUsage: true,
    sendsReasoning: false,
  },
  capabilities: {
    streaming: true,
    tools: true,
    images: true,
    audioInput: true,
    files: true,
    jsonSchema: true,
    multipleCandidates: true,
    topK: false,
  },
  failureRules,
  verification: {
    how: "fixture from documentation",
    sources: [
      "https://learn.microsoft.com/en-us/azure/ai-foundry/openai/reference",
      "https://learn.microsoft.com/en-us/azure/ai-foundry/openai/concepts/content-filter",
      "https://learn.microsoft.com/en-us/azure/ai-foundry/openai/how-to/quota",
      "https://learn.microsoft.com/en-us/azure/ai-foundry/openai/how-to/managed-identity",
    ],
  },
  priceNotes: [
    "Cached input has its own price; the count is part of the input.",
    "Prices differ between global, data zone and regional deployments.",
    "Provisioned throughput is paid by the hour; its deployments have no price for tokens.",
  ],
};
