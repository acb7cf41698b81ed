import { formats } from "@penstock/formats";
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
    responseIdPrefix: "",
    caching: "automatic",
  },
  {
    format: formats["openai-responses"],
    dialect: openaiResponsesDialect,
    paths: [{ path: "/v1/responses" }],
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
    responseIdPrefix: "",
    caching: "marked",
  },
];
