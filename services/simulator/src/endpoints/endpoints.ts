import { countingFormats, formats } from "@penstock/formats";
import { anthropicDialect } from "./anthropic-dialect.ts";
import { bedrockDialect } from "./bedrock-dialect.ts";
import type { Endpoint } from "./endpoint.ts";
import { googleDialect } from "./google-dialect.ts";
import { openaiDialect } from "./openai-dialect.ts";
import { openaiResponsesDialect } from "./openai-responses-dialect.ts";

/** Where Vertex AI has the models of Google, for a made-up project. */
const vertexPath = "/v1/projects/sim/locations/global/publishers/google";

/** Every wire format that the simulated vendors speak; each vendor speaks all of them. */
export const endpoints: readonly Endpoint[] = [
  {
    format: formats["openai-chat"],
    dialect: openaiDialect,
    paths: [{ path: "/v1/chat/completions" }],
    responseIdPrefix: "chatcmpl-",
    caching: "automatic",
  },
  {
    format: formats["anthropic-messages"],
    dialect: anthropicDialect,
    paths: [{ path: "/v1/messages" }],
    counting: [
      { path: "/v1/messages/count_tokens", format: countingFormats["anthropic-count-tokens"] },
    ],
    responseIdPrefix: "msg_",
    caching: "marked",
  },
  {
    format: formats["google-generate-content"],
    dialect: googleDialect,
    paths: ["/v1beta", vertexPath].flatMap((prefix) => [
      { path: `${prefix}/models/{model}:generateContent`, stream: false },
      { path: `${prefix}/models/{model}:streamGenerateContent`, stream: true },
    ]),
    counting: [
      {
        path: "/v1beta/models/{model}:countTokens",
        format: countingFormats["gemini-count-tokens"],
      },
      {
        path: `${vertexPath}/models/{model}:countTokens`,
        format: countingFormats["vertex-count-tokens"],
      },
    ],
    responseIdPrefix: "",
    caching: "automatic",
  },
  {
    format: formats["openai-responses"],
    dialect: openaiResponsesDialect,
    paths: [{ path: "/v1/responses" }],
    counting: [
      { path: "/v1/responses/input_tokens", format: countingFormats["openai-input-tokens"] },
    ],
    responseIdPrefix: "resp_",
    caching: "automatic",
  },
  {
    format: formats["bedrock-converse"],
    dialect: bedrockDialect,
    paths: [
      { path: "/model/{model}/converse", stream: false },
      { path: "/model/{model}/converse-stream", stream: true },
    ],
    counting: [
      { path: "/model/{model}/count-tokens", format: countingFormats["bedrock-count-tokens"] },
    ],
    responseIdPrefix: "",
    caching: "marked",
  },
];
