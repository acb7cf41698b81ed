import type { CountingFormat, Format } from "@penstock/formats";
import type { Dialect } from "./dialect.ts";

/** A path behind a vendor's name where a format is spoken. */
export interface EndpointPath {
  /** Begins with a slash; `{model}` stands for the model, where the body does not name it. */
  readonly path: string;
  /** Whether answers are streamed there; undefined: the body says. */
  readonly stream?: boolean;
}

/** A path where the tokens of requests are counted. */
export interface CountingPath {
  readonly path: string;
  readonly format: CountingFormat;
}

/** A wire format as a simulated vendor serves it. */
export interface Endpoint {
  readonly format: Format;
  readonly dialect: Dialect;
  /** The first is the one that the vendor's documentation shows. */
  readonly paths: readonly EndpointPath[];
  /** Where its requests are counted; absent: nowhere. */
  readonly counting?: readonly CountingPath[];
  /** What ids of answers begin with. */
  readonly responseIdPrefix: string;
  /** Whether prompts are kept of themselves or only where the caller marks them. */
  readonly caching: "automatic" | "marked";
}

/** What the path of a request says. */
export interface AddressedCall {
  readonly endpoint: Endpoint;
  readonly vendorName: string;
  /** Undefined: the body names it. */
  readonly model: string | undefined;
  readonly stream: boolean | undefined;
  /** Undefined: an answer is asked for. */
  readonly counting: CountingFormat | undefined;
}

/** Finds what serves a path, its query left out; undefined when nothing does. */
export function findEndpoint(
  endpoints: readonly Endpoint[],
  requestPath: string,
): AddressedCall | undefined {
  const [, vendorName = "", rest = ""] = /^\/([a-z0-9-]+)(\/.*)$/.exec(requestPath) ?? [];
  for (const endpoint of endpoints) {
    for (const { path, stream } of endpoint.paths) {
      const model = matchPath(path, rest);
      if (model === undefined) continue;
      return { endpoint, vendorName, model: model || undefined, stream, counting: undefined };
    }
    for (const { path, format } of endpoint.counting ?? []) {
      const model = matchPath(path, rest);
      if (model === undefined) continue;
      const counted = { stream: false, counting: format };
      return { endpoint, vendorName, model: model || undefined, ...counted };
    }
  }
  return undefined;
}

/** The model in the path, empty where the template has none; undefined when it does not match. */
function matchPath(template: string, path: string): string | undefined {
  const [before = "", after] = template.split("{model}", 2);
  if (after === undefined) return path === template ? "" : undefined;
  if (!path.startsWith(before) || !path.endsWith(after)) return undefined;
  const encoded = path.slice(before.length, path.length - after.length);
  if (encoded === "" || encoded.includes("/")) return undefined;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}
