import type { FormatName } from "@penstock/formats";

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
    format: "openai-chat",
    id: "chat",
    kind: "openai-compatible",
    baseUrl: (vendorUrl) => `${vendorUrl}/v1`,
    deployment: "capabilities: { imageInput: true }\n",
  },
];
