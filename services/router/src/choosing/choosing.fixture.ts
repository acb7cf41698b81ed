import { create } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { GenerateRequestSchema } from "@penstock/api";
import type { GenerateRequest } from "@penstock/api";

/** What vendors report. */
export const usage = { prompt_tokens: 10, completion_tokens: 2 };

/** A request for the model of the small installation. */
export function asked(init: object): GenerateRequest {
  return create(GenerateRequestSchema, { model: "smart", ...init });
}

/** A deployment `<id>-large` at provider `<id>`. */
export function deployment(id: string, more: Record<string, JsonValue> = {}): JsonValue {
  const provider = `providers/${id}`;
  return {
    deployment: {
      name: `deployments/${id}-large`,
      provider,
      model: `${id}-large`,
      priceBook: "priceBooks/prices",
      ...more,
    },
  };
}

/** The route `smart` to both deployments, changed. */
export function route(more: Record<string, JsonValue>): Record<string, JsonValue> {
  return {
    "routes/smart": {
      route: {
        name: "routes/smart",
        match: { models: ["smart"] },
        targets: [{ deployment: "deployments/a-large" }, { deployment: "deployments/b-large" }],
        ...more,
      },
    },
  };
}

/** A policy for all. */
export const policy = (more: Record<string, JsonValue>): Record<string, JsonValue> => ({
  "policies/eu": { policy: { name: "policies/eu", ...more } },
});
