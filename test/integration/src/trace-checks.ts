import type { UsageEvent } from "@penstock/api";
import type { ReceivedSpan, SpanNode } from "@penstock/test-support";
import { expect } from "vitest";

/** A lease that was just used up is renewed in the trace of the first request that waits for it. */
export function isOfRequest({ name }: ReceivedSpan): boolean {
  return name !== "penstock.quota.v1.LeaseService/SyncLeases";
}

/** What every attempt span says of itself. */
export function attemptAttributes(
  provider: string,
  attempt: { number: number; kind: string; cause?: string; outcome: string },
) {
  const { number, kind, cause, outcome } = attempt;
  return {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": provider,
    "gen_ai.request.stream": true,
    "peer.service": `providers/${provider}`,
    "penstock.attempt.number": number,
    "penstock.attempt.kind": kind,
    "penstock.attempt.outcome": outcome,
    "penstock.upstream.status_code": 200,
    ...(cause === undefined ? {} : { "penstock.attempt.cause": cause }),
    ...(outcome === "OK" ? {} : { "error.type": outcome }),
  };
}

/** Tokens and cost of the attempt spans are those of the usage record, and of the server span. */
export function checkSums(
  attempts: readonly SpanNode[],
  root: ReceivedSpan,
  event: UsageEvent,
): void {
  const input = sumOf(attempts, "gen_ai.usage.input_tokens");
  const output = sumOf(attempts, "gen_ai.usage.output_tokens");
  expect(event.usage).toMatchObject({ inputTokens: input, outputTokens: output });
  expect(sumOf(attempts, "penstock.cost.nano_usd")).toBe(event.costNanoUsd);
  expect(root.attributes).toMatchObject({
    "penstock.usage.input_tokens": Number(input),
    "penstock.usage.output_tokens": Number(output),
    "penstock.usage.estimated": true,
    "penstock.cost.nano_usd": Number(event.costNanoUsd),
  });
}

/**
 * Children lie within their parents; a millisecond is what wall and monotonic time may differ. What
 * answers a client begins in time, and may still be busy when the client has the answer.
 */
export function checkTimes({ span, children }: SpanNode): void {
  expect(span.endMs).toBeGreaterThanOrEqual(span.startMs);
  for (const child of children) {
    expect(child.span.startMs).toBeGreaterThanOrEqual(span.startMs - 1);
    const isAnswer = span.kind === "client" && child.span.kind === "server";
    const last = isAnswer ? child.span.startMs : child.span.endMs;
    expect(last).toBeLessThanOrEqual(span.endMs + 1);
    checkTimes(child);
  }
}

/** The sum of an attribute over attempt spans. */
function sumOf(attempts: readonly SpanNode[], name: string): bigint {
  return attempts.reduce((sum, { span }) => sum + BigInt(Number(span.attributes[name] ?? 0)), 0n);
}
