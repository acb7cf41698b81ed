import { observabilityEnvironment as variables } from "./environment.ts";
import type { ObservabilityEnvironment } from "./environment.ts";

/** Where spans go, and how. */
export interface ExportTarget {
  readonly protocol: "http/protobuf" | "http/json";
  /** For people: without user, password and parameters, which may hold a token. */
  readonly address: string;
}

/** Why none are sent although somebody wants them, as a message of the log and its fields. */
export interface ExportProblem {
  readonly problem: string;
  readonly fields: Readonly<Record<string, string>>;
}

/**
 * Where the variables say that spans go; undefined where nobody wants them. What is wrong with
 * them costs traces, never the start: a platform sets them for all that runs on it.
 */
export function exportTarget(
  environment: ObservabilityEnvironment,
): ExportTarget | ExportProblem | undefined {
  if (environment.sdkDisabled?.toLowerCase() === "true") return undefined;
  const exporter = environment.tracesExporter ?? "otlp";
  const endpoint = endpointOf(environment);
  if (exporter === "none" || endpoint === undefined) return undefined;
  if (exporter !== "otlp") {
    const problem = "OTEL_TRACES_EXPORTER is not supported, no traces are sent; use otlp or none";
    return { problem, fields: { exporter } };
  }
  const protocol = protocolOf(environment);
  if (protocol.value !== "http/protobuf" && protocol.value !== "http/json") {
    const problem = `${protocol.name} is not supported, no traces are sent; use http/protobuf or http/json`;
    return { problem, fields: { protocol: protocol.value } };
  }
  const address = shownAddress(endpoint.value);
  if (address === undefined) {
    const problem =
      `${endpoint.name} is no URL that begins with http:// or https://, no traces are sent; ` +
      "write it such as http://collector:4318";
    // Not the value: it may hold a password, and what is no URL can't be redacted.
    return { problem, fields: {} };
  }
  return { protocol: protocol.value, address };
}

interface Named {
  readonly name: string;
  readonly value: string;
}

function endpointOf({ tracesEndpoint, endpoint }: ObservabilityEnvironment): Named | undefined {
  if (tracesEndpoint !== undefined) {
    return { name: variables.tracesEndpoint.name, value: tracesEndpoint };
  }
  if (endpoint === undefined) return undefined;
  const value = `${endpoint.replace(/\/$/, "")}/v1/traces`;
  return { name: variables.endpoint.name, value };
}

function protocolOf({ tracesProtocol, protocol }: ObservabilityEnvironment): Named {
  if (tracesProtocol !== undefined) {
    return { name: variables.tracesProtocol.name, value: tracesProtocol };
  }
  return { name: variables.protocol.name, value: protocol ?? "http/protobuf" };
}

function shownAddress(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return undefined;
  return `${url.origin}${url.pathname}`;
}
