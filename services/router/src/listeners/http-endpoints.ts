import type { IncomingHttpHeaders } from "node:http";
import { Door } from "@penstock/api";
import { findErrorPage } from "@penstock/errors";
import {
  anthropicMessages,
  countingFormats,
  openaiChat,
  openaiEmbeddings,
  openaiResponses,
} from "@penstock/formats";
import type { CountingFormat, EmbeddingFormat, Format } from "@penstock/formats";

/** An endpoint whose requests run through the pipeline, in the words of its format. */
export interface GenerateEndpoint {
  readonly operation: "generate";
  readonly format: Format;
  readonly door: Door;
}

/** An endpoint that turns texts into vectors. */
export interface EmbedEndpoint {
  readonly operation: "embed";
  /** Of errors. */
  readonly format: Format;
  readonly embeddings: EmbeddingFormat;
  readonly door: Door;
}

/** An endpoint that counts the tokens of a request's input. */
export interface CountEndpoint {
  readonly operation: "count_tokens";
  /** Of errors. */
  readonly format: Format;
  readonly counting: CountingFormat;
  readonly door: Door;
}

/** An endpoint whose requests go to providers. */
export type CallEndpoint = GenerateEndpoint | EmbedEndpoint | CountEndpoint;

/** An endpoint that tells of the models that a key may ask for. */
export type ModelsEndpoint =
  | { readonly operation: "list_models"; readonly format: Format; readonly query: string }
  | { readonly operation: "get_model"; readonly format: Format; readonly model: string };

/** What one method and path of the HTTP door serves; errors are told in the words of its format. */
export type HttpEndpoint =
  | CallEndpoint
  | ModelsEndpoint
  /** What would need an answer that was stored. */
  | { readonly operation: "stored_response"; readonly format: Format }
  /** What an error links to, for people; in Markdown. */
  | { readonly operation: "error_page"; readonly format: Format; readonly page: string }
  /** Whether anybody is there; asked by coding agents before they begin. */
  | { readonly operation: "probe"; readonly format: Format };

function generate(path: string, format: Format, door: Door): [string, GenerateEndpoint] {
  return [`POST ${path}`, { operation: "generate", format, door }];
}

/** The endpoints that are one path each. A new door is a new row here. */
const exactEndpoints: ReadonlyMap<string, HttpEndpoint> = new Map<string, HttpEndpoint>([
  generate("/v1/chat/completions", openaiChat, Door.OPENAI_CHAT),
  generate("/v1/responses", openaiResponses, Door.OPENAI_RESPONSES),
  generate("/v1/messages", anthropicMessages, Door.ANTHROPIC_MESSAGES),
  [
    "POST /v1/messages/count_tokens",
    {
      operation: "count_tokens",
      format: anthropicMessages,
      counting: countingFormats["anthropic-count-tokens"],
      door: Door.ANTHROPIC_COUNT_TOKENS,
    },
  ],
  [
    "POST /v1/responses/input_tokens",
    {
      operation: "count_tokens",
      format: openaiResponses,
      counting: countingFormats["openai-input-tokens"],
      door: Door.OPENAI_INPUT_TOKENS,
    },
  ],
  [
    "POST /v1/embeddings",
    {
      operation: "embed",
      format: openaiChat,
      embeddings: openaiEmbeddings,
      door: Door.OPENAI_EMBEDDINGS,
    },
  ],
  ["HEAD /", { operation: "probe", format: openaiChat }],
  // Where Claude Code asks since 2.1.330 at the latest; it goes on whatever the answer is.
  ["HEAD /api/hello", { operation: "probe", format: openaiChat }],
]);

/** The same by path alone: what is called most is found without joining its method and path. */
const postEndpoints: ReadonlyMap<string, HttpEndpoint> = new Map(
  [...exactEndpoints]
    .filter(([name]) => name.startsWith("POST "))
    .map(([name, endpoint]) => [name.slice("POST ".length), endpoint]),
);

const modelsPath = "/v1/models";

/** The paths that clients call behind their base URL, the longest first. */
export const clientPaths = [...exactEndpoints.keys(), `GET ${modelsPath}`]
  .filter((endpoint) => endpoint.includes(" /v1/"))
  .map((endpoint) => endpoint.slice(endpoint.indexOf("/")))
  .toSorted((one, other) => other.length - one.length);

/** Every endpoint, for people. */
export const servedEndpoints = [
  ...exactEndpoints.keys(),
  `GET ${modelsPath}`,
  `GET ${modelsPath}/{model}`,
  "GET /errors",
].join(", ");

/**
 * What is served there; undefined: nothing. Only the path counts, as clients add queries of their
 * own. What is asked most is found without being taken apart.
 */
export function findHttpEndpoint(
  method = "",
  url = "",
  headers: IncomingHttpHeaders = {},
): HttpEndpoint | undefined {
  const exact = method === "POST" ? postEndpoints.get(url) : undefined;
  if (exact !== undefined) return exact;
  const end = url.indexOf("?");
  const path = end < 0 ? url : url.slice(0, end);
  const query = end < 0 ? "" : url.slice(end + 1);
  const asPath = exactEndpoints.get(`${method} ${path}`);
  if (asPath !== undefined) return asPath;
  if (path.startsWith("/v1/responses/") && !exactEndpoints.has(`POST ${path}`)) {
    return storedResponse;
  }
  return findModels({ method, path, query, headers }) ?? findPage(method, path);
}

function findPage(method: string, path: string): HttpEndpoint | undefined {
  const page = method === "GET" ? findErrorPage(path) : undefined;
  return page === undefined ? undefined : { operation: "error_page", format: defaultFormat, page };
}

/** The methods for which a path is served, such as `POST`; that somebody probes it is no service. */
export function methodsOf(path: string): readonly string[] {
  return ["GET", "POST"].filter((method) => {
    const operation = findHttpEndpoint(method, path)?.operation;
    return operation !== undefined && operation !== "stored_response";
  });
}

const storedResponse: HttpEndpoint = { operation: "stored_response", format: openaiResponses };

interface RequestTarget {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
}

/** Names of models may have slashes, which some callers encode and others don't. */
function findModels({ method, path, query, headers }: RequestTarget): HttpEndpoint | undefined {
  if (method !== "GET" || !path.startsWith(modelsPath)) return undefined;
  const format = closestFormat(path, headers);
  if (path === modelsPath) return { operation: "list_models", format, query };
  if (path[modelsPath.length] !== "/") return undefined;
  try {
    const model = decodeURIComponent(path.slice(modelsPath.length + 1));
    return model === "" ? undefined : { operation: "get_model", format, model };
  } catch {
    return undefined;
  }
}

/** In whose words callers of paths that begin so, or with such a header, are answered. */
const families: readonly {
  readonly path?: string;
  readonly header?: string;
  readonly format: Format;
}[] = [
  { path: "/v1/messages", format: anthropicMessages },
  { header: "anthropic-version", format: anthropicMessages },
];

/** The format of what serves several formats, or nothing: that of the closest door. */
export function closestFormat(url = "", headers: IncomingHttpHeaders = {}): Format {
  for (const { path, header, format } of families) {
    if (path !== undefined && url.startsWith(path)) return format;
    if (header !== undefined && headers[header] !== undefined) return format;
  }
  return defaultFormat;
}

/** The format in which errors are told when nothing is known of the request. */
export const defaultFormat: Format = openaiChat;
