import { Door } from "@penstock/api";
import { openaiChat } from "@penstock/formats";
import type { Format } from "@penstock/formats";

/** What one method and path of the HTTP door serves. */
export type HttpEndpoint =
  | { readonly operation: "generate"; readonly format: Format; readonly door: Door }
  | { readonly operation: "list_models"; readonly format: Format }
  | { readonly operation: "get_model"; readonly format: Format; readonly model: string };

/** The table of the HTTP door: method, path → format, operation. Paths match exactly. */
const httpEndpoints: ReadonlyMap<string, HttpEndpoint> = new Map<string, HttpEndpoint>([
  [
    "POST /v1/chat/completions",
    { operation: "generate", format: openaiChat, door: Door.OPENAI_CHAT },
  ],
  ["GET /v1/models", { operation: "list_models", format: openaiChat }],
]);

const modelPath = "/v1/models/";

/** What is served there; undefined: nothing. What is asked most is found without being taken apart. */
export function findHttpEndpoint(method = "", url = ""): HttpEndpoint | undefined {
  return httpEndpoints.get(`${method} ${url}`) ?? findModel(method, url);
}

/** Every endpoint, for people. */
export const servedEndpoints = [...httpEndpoints.keys(), `GET ${modelPath}{model}`].join(", ");

/** Names of models may have slashes, which some callers encode and others don't. */
function findModel(method: string, url: string): HttpEndpoint | undefined {
  if (method !== "GET" || !url.startsWith(modelPath)) return undefined;
  const written = url.slice(modelPath.length).split("?", 1)[0] ?? "";
  try {
    const model = decodeURIComponent(written);
    return model === "" ? undefined : { operation: "get_model", format: openaiChat, model };
  } catch {
    return undefined;
  }
}

/** The format in which errors are told when no endpoint was found. */
export const defaultFormat: Format = openaiChat;
