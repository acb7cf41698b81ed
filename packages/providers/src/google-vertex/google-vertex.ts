import { googleGemini } from "../google-gemini/google-gemini.ts";
import type { Provider } from "../provider.ts";

/**
 * Gemini on Vertex AI. The base URL names project and location:
 * `https://{location}-aiplatform.googleapis.com/v1/projects/{project}/locations/{location}`.
 */
export const googleVertex: Provider = {
  ...googleGemini,
  kind: "google-vertex",
  displayName: "Google Vertex AI",
  telemetryName: "gcp.vertex_ai",
  defaultBaseUrl: undefined,
  exampleBaseUrl:
    "https://europe-west4-aiplatform.googleapis.com/v1/projects/my-project/locations/europe-west4",
  operations: {
    generate: [
      {
        format: "google-generate-content",
        path: "/publishers/google/models/{model}:generateContent",
        streamPath: "/publishers/google/models/{model}:streamGenerateContent?alt=sse",
        count: {
          format: "vertex-count-tokens",
          path: "/publishers/google/models/{model}:countTokens",
        },
      },
    ],
  },
  auth: { scheme: "bearer", required: true },
  identities: ["google-adc"],
  verification: {
    how: "fixture from documentation",
    sources: [
      "https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference",
      "https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429",
      "https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.endpoints/countTokens",
    ],
  },
};
