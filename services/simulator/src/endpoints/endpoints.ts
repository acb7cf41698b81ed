import { formats } from "@penstock/formats";
import type { Endpoint } from "./endpoint.ts";
import { openaiDialect } from "./openai-dialect.ts";

/** Every wire format that the simulated vendors speak; each vendor speaks all of them. */
export const endpoints: readonly Endpoint[] = [
  {
    format: formats["openai-chat"],
    dialect: openaiDialect,
    paths: [{ path: "/v1/chat/completions" }],
    responseIdPrefix: "chatcmpl-",
    caching: "automatic",
  },
];
