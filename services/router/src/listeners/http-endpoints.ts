import { Door } from "@penstock/api";
import { openaiChat } from "@penstock/formats";
import type { Format } from "@penstock/formats";

/** What one method and path of the HTTP door serves. */
export type HttpEndpoint =
  | { readonly operation: "generate"; readonly format: Format; readonly door: Door }
  | { readonly operation: "list_models"; readonly format: Format };

/** The table of the HTTP door: method, path → format, operation. Paths match exactly. */
export const httpEndpoints: ReadonlyMap<string, HttpEndpoint> = new Map<string, HttpEndpoint>([
  [
    "POST /v1/chat/completions",
    { operation: "generate", format: openaiChat, door: Door.OPENAI_CHAT },
  ],
  ["GET /v1/models", { operation: "list_models", format: openaiChat }],
]);

/** The format in which errors are told when no endpoint was found. */
export const defaultFormat: Format = openaiChat;
