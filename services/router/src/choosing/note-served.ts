import { durationMs } from "@bufbuild/protobuf/wkt";
import type { TokenUsage } from "@penstock/api";
import type { Answer } from "@penstock/formats";
import type { CompiledDeployment } from "@penstock/snapshot";
import type { RequestContext } from "../pipeline/request-context.ts";
import { keyOfSignature, markedCacheMs } from "./affinity-keys.ts";
import type { AffinityBook } from "./affinity.ts";

/** How long the caches of most vendors live after their last use. */
const usualCacheMs = 300_000;
/** Signatures do not grow old; conversations do. */
const signatureMs = 86_400_000;

/** Remembers who answered, for the next request of the conversation. `now` is monotonic. */
export function noteServed(
  context: RequestContext,
  affinity: AffinityBook,
  answered: { readonly deployment: CompiledDeployment; readonly usage: TokenUsage | undefined },
  now: number,
): void {
  const { affinityKey, signature } = context;
  if (affinityKey === undefined && signature === undefined) return;
  const { deployment, usage } = answered;
  const lifetime = deployment.capabilities.promptCacheLifetime;
  const ownMs = lifetime === undefined ? usualCacheMs : durationMs(lifetime);
  const markedMs = context.request && markedCacheMs(context.request);
  const cacheMs = ownMs === 0 ? 0 : Math.max(ownMs, markedMs || 0);
  const served = {
    deployment: deployment.name,
    provider: deployment.provider.name,
    cachedTokens: Number(
      (usage?.cacheReadInputTokens ?? 0n) + (usage?.cacheWriteInputTokens ?? 0n),
    ),
  };
  if (affinityKey !== undefined && cacheMs > 0) {
    affinity.note(affinityKey, { ...served, untilMs: now + cacheMs });
  }
  if (signature !== undefined) {
    affinity.note(keyOfSignature(signature), { ...served, untilMs: now + signatureMs });
  }
}

/** Signature of the last reasoning of an answer. */
export function signatureOf({ candidates }: Answer): string | undefined {
  let last: string | undefined;
  for (const { part } of candidates[0]?.parts ?? []) {
    if (part.case === "reasoning" || part.case === "toolCall") last = part.value.signature || last;
  }
  return last;
}
