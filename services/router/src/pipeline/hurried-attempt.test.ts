import { describe, expect, it } from "vitest";
import { createPipeline } from "./pipeline.fixture.ts";

/** Six requests that nobody answers; says what the first target is taken for when all gave up. */
function askInVain(timeoutMs: number, stream: boolean) {
  const { clock, health, parts, upstream, send } = createPipeline();
  for (let count = 0; count < 6; count += 1) send({}, stream, `request ${count}`, timeoutMs);
  const { deployment, timeouts } = upstream.last.call.target;
  clock.advance(Math.min(timeoutMs, timeouts.firstTokenMs));
  const now = clock.monotonicMs();
  const windows = parts.performance.windows(deployment.name, now);
  return { admitted: health.admit(deployment, now), windows };
}

describe("a caller that gives less time than the target's own timers", () => {
  it.each([true, false])("says nothing about the target (stream: %s)", (stream) => {
    expect(askInVain(500, stream)).toEqual({ admitted: { ok: true }, windows: [] });
  });

  it("is told from one that waits for as long as the target may be silent", () => {
    const { admitted, windows } = askInVain(900_000, true);
    expect(admitted).toMatchObject({ ok: false, reason: "breaker_open" });
    expect(windows[0]?.failures).toBe(6);
  });
});
