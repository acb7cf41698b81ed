import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FormatName } from "@penstock/formats";

/** A key for kinds that send nothing without one; a file, which every process can read. */
export const simulatedKeyFile = join(tmpdir(), `penstock-simulated-key-${process.pid}`);

/** A provider kind through which a format is spoken upstream. */
export interface MatrixUpstream {
  readonly format: FormatName;
  /** Id of provider, deployments and routes. */
  readonly id: string;
  readonly kind: string;
  /** Base URL at the simulated vendor. */
  readonly baseUrl: (vendorUrl: string) => string;
  /** Further lines of the provider's manifest. */
  readonly provider?: string;
  /** Further lines of each deployment's manifest. */
  readonly deployment?: string;
}

/** The rows: every format, through one kind that speaks it. */
export const matrixUpstreams: readonly MatrixUpstream[] = [
  {
    format: "anthropic-messages",
    id: "messages",
    kind: "anthropic",
    baseUrl: (vendorUrl) => `${vendorUrl}/v1`,
    provider: `credential: file:${simulatedKeyFile}\n`,
  },
  {
    format: "google-generate-content",
    id: "gemini",
    kind: "google-gemini",
    baseUrl: (vendorUrl) => `${vendorUrl}/v1beta`,
    provider: `credential: file:${simulatedKeyFile}\n`,
  },
  {
    format: "openai-chat",
    id: "chat",
    kind: "openai-compatible",
    baseUrl: (vendorUrl) => `${vendorUrl}/v1`,
    deployment: "capabilities: { imageInput: true }\n",
  },
  {
    format: "openai-responses",
    id: "responses",
    kind: "openai-compatible",
    baseUrl: (vendorUrl) => `${vendorUrl}/v1`,
    deployment: "format: openai-responses\ncapabilities: { imageInput: true }\n",
  },
  {
    format: "bedrock-converse",
    id: "bedrock",
    kind: "aws-bedrock",
    baseUrl: (vendorUrl) => vendorUrl,
    provider: `credential: file:${simulatedKeyFile}\n`,
  },
];
