import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonValue } from "@bufbuild/protobuf";
import type { FormatName } from "@penstock/formats";
import { benchPriceBook, concurrency, resource, upstreamModel } from "../control-client.ts";
import type { ControlClient } from "../control-client.ts";

/** A vendor that speaks a format: how it is configured beside its address. */
interface Vendor {
  readonly kind: string;
  /** Of the base URL. */
  readonly path: string;
  /** What is sent to it; absent: nothing. Bedrock's calls are signed with it. */
  readonly secret?: string;
  readonly deployment?: Readonly<Record<string, JsonValue>>;
}

const vendors: Readonly<Record<FormatName, Vendor>> = {
  "openai-chat": { kind: "openai-compatible", path: "/v1" },
  "openai-responses": {
    kind: "openai-compatible",
    path: "/v1",
    deployment: { format: "openai-responses" },
  },
  "anthropic-messages": { kind: "anthropic", path: "/v1", secret: "sk-ant-0123456789" },
  "google-generate-content": { kind: "google-gemini", path: "/v1beta", secret: "AIza0123456789" },
  "bedrock-converse": {
    kind: "aws-bedrock",
    path: "",
    secret: "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    deployment: { region: "eu-central-1" },
  },
};

/** The model that callers ask for to reach the vendor that speaks this format. */
export function upstreamAlias(format: FormatName): string {
  return `bench-${format}`;
}

/** Configures a route to each of the vendors, by the port that it listens on. */
export async function configurePairs(
  control: ControlClient,
  ports: ReadonlyMap<FormatName, number>,
  folder: string,
): Promise<void> {
  const resources = [...ports].flatMap(([format, port]) => {
    const { kind, path, secret, deployment } = vendors[format];
    const id = upstreamAlias(format);
    const file = join(folder, `${id}-secret`);
    if (secret !== undefined) writeFileSync(file, secret, { mode: 0o600 });
    return [
      resource({
        provider: {
          name: `providers/${id}`,
          kind,
          baseUrl: `http://127.0.0.1:${port}${path}`,
          privateNetwork: true,
          ...(secret === undefined ? {} : { credential: `file:${file}` }),
        },
      }),
      resource({
        deployment: {
          name: `deployments/${id}`,
          provider: `providers/${id}`,
          model: upstreamModel,
          priceBook: benchPriceBook,
          maxConcurrentRequests: concurrency,
          ...deployment,
        },
      }),
      resource({
        route: {
          name: `routes/${id}`,
          match: { models: [id] },
          targets: [{ deployment: `deployments/${id}` }],
        },
      }),
    ];
  });
  await control.resources.applyResources({ resources });
}
