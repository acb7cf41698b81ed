import { GatewayError, neverRetry } from "@penstock/errors";
import { formatMoney } from "@penstock/pricing";
import type { CompiledQuota } from "@penstock/snapshot";
import type { QuotaRefused, QuotaSilence } from "../leases/reserve-outcome.ts";

/** The error of a request that a limit or a budget has no room for. */
export function quotaError(refused: QuotaRefused, wallMs: number): GatewayError {
  const { quota, key } = refused.use;
  if (refused.cause === "unavailable") {
    const { silence } = refused;
    const state = silence === undefined ? {} : { quota_state: silence.state };
    const metadata = { quota: quota.name, scope: quota.scopeName, ...state };
    const unknown = `whether ${quota.name} has room can't be found out now`;
    const message = `${becauseOf(silence)}${unknown}, and it says to refuse then.`;
    const sentence = message.charAt(0).toUpperCase() + message.slice(1);
    return new GatewayError("QUOTA_UNAVAILABLE", sentence, { retryAfterMs: 1_000, metadata });
  }
  const subject = `${quota.name} (${describeAmount(quota)}, ${describeScope(quota)})`;
  const requested = BigInt(refused.use.amount);
  // Time mends nothing where the whole of it would not be enough.
  const fits = requested <= quota.amount;
  const reset = fits ? refused.resetTimeMs : undefined;
  const description = `${subject} has ${fits ? "no room left" : "never room"}`;
  const resets =
    reset === undefined ? "" : ` It has room again at ${new Date(reset).toISOString()}.`;
  const more =
    `, which may take ${describeQuantity(quota, requested)}. ` +
    "Send less, or let the answer be shorter (the most output tokens).";
  const reason = quota.kind === "budget" ? "BUDGET_EXHAUSTED" : "LIMIT_EXCEEDED";
  return new GatewayError(reason, `${description} for this request${fits ? "." : more}${resets}`, {
    retryAfterMs: reset === undefined ? undefined : Math.max(0, reset - wallMs),
    metadata: {
      quota: quota.name,
      quota_key: key,
      scope: quota.scopeName,
      unit: quota.unit,
      limit: String(quota.amount),
      requested: String(refused.use.amount),
      ...(fits ? {} : neverRetry),
      ...(reset === undefined ? {} : { reset_time: new Date(reset).toISOString() }),
    },
    quotaViolations: [
      {
        subject: quota.scopeName,
        quota: quota.name,
        metric: quota.unit,
        limit: String(quota.amount),
        description: `${description}.`,
        ...(reset === undefined ? {} : { resetTimeMs: reset }),
      },
    ],
  });
}

function becauseOf(silence: QuotaSilence | undefined): string {
  switch (silence?.state) {
    case "late":
      return `quota did not answer within ${Math.round(silence.waitedMs)} ms, so `;
    case "skipped":
      return "quota left those who asked before without an answer, so ";
    case "away":
      return "quota can't be reached, or fails, so ";
    case "refused":
      return "quota refuses this router's lease syncs (its log and /readyz say why and what to do), so ";
    default:
      return "";
  }
}

/** Such as "5 requests per minute" or "12.5 USD per day". */
export function describeAmount(quota: CompiledQuota): string {
  return `${describeQuantity(quota, quota.amount)} per ${quota.period}`;
}

/** So much of what the quota counts, such as "5 requests" or "12.5 USD". */
export function describeQuantity({ unit }: CompiledQuota, quantity: bigint): string {
  return unit === "nano_usd" ? `${formatMoney(quantity)} USD` : `${quantity} ${unit}`;
}

/** Such as "for all" or "for teams/demo". */
export function describeScope(quota: CompiledQuota): string {
  return quota.scopeName === "all" ? "for everyone" : `for ${quota.scopeName}`;
}
