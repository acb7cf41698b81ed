/** How fast a simulated model is. Times in milliseconds. */
export interface SimulatedModel {
  readonly firstTokenMs: number;
  readonly tokenIntervalMs: number;
  /** Requests admitted in a minute, told in the vendor's headers; absent: all, and none are told. */
  readonly requestsPerMinute?: number;
  /** Input tokens admitted in a minute, told in the vendor's headers. */
  readonly tokensPerMinute?: number;
}

/** A simulated vendor: the models it serves. */
export interface SimulatedVendor {
  readonly models: Readonly<Record<string, SimulatedModel>>;
}

/**
 * Two vendors to practise on, each with a dear and a cheap model. Their prices are those of the
 * price books that the demo seeds; the vendors themselves bill nothing.
 */
export const defaultVendors: Readonly<Record<string, SimulatedVendor>> = {
  alpha: {
    models: {
      "alpha-large": { firstTokenMs: 40, tokenIntervalMs: 4 },
      "alpha-small": { firstTokenMs: 15, tokenIntervalMs: 2 },
      "sim-embed": { firstTokenMs: 5, tokenIntervalMs: 0 },
    },
  },
  beta: {
    models: {
      "beta-large": { firstTokenMs: 60, tokenIntervalMs: 5 },
      "beta-small": { firstTokenMs: 20, tokenIntervalMs: 2 },
      "sim-embed": { firstTokenMs: 5, tokenIntervalMs: 0 },
    },
  },
};
