import type { createRouterClient } from "./api/clients.ts";

/** Where and as whom the router is asked. */
export interface WarmUpOptions {
  /** Base URL of the OpenAI door. */
  readonly openaiUrl: string;
  /** Absent: the demo was removed, and there is nobody to ask as. */
  readonly key: string | undefined;
  readonly keyName: string;
  readonly router: ReturnType<typeof createRouterClient>;
}

// Measured: after a dozen rounds the first real request takes as long as the hundredth.
const rounds = 12;
const timeoutMs = 2_000;

/**
 * Asks things that cost and record nothing, through the HTTP door and through the stages before
 * the first attempt, so that the first real request doesn't pay for code that was never run.
 * Never throws: what is ready to serve is not taken down because it is slow today.
 */
export async function warmUp(options: WarmUpOptions): Promise<void> {
  const { openaiUrl, key, keyName, router } = options;
  if (key === undefined) return;
  const headers = { authorization: `Bearer ${key}` };
  try {
    for (let round = 0; round < rounds; round += 1) {
      const signal = AbortSignal.timeout(timeoutMs);
      const response = await fetch(`${openaiUrl}/models`, { headers, signal });
      await response.arrayBuffer();
      await router.explainRequest({ virtualKey: keyName, request: { model: "smart" } });
    }
  } catch {
    // A busy machine, or a configuration that people changed: the first request warms it then.
  }
}
