import { GatewayError } from "@penstock/errors";
import { sleep, systemClock } from "@penstock/runtime";
import type { SuiteLog } from "./suite-log.ts";

/** A first start on a slow machine takes a fraction of it. */
const patienceMs = 90_000;
const lookEveryMs = 100;
const answerTimeoutMs = 2_000;

/** Waits until a server says that it is up. Throws FAILED_PRECONDITION when that takes too long. */
export async function untilTrue(
  name: string,
  isUp: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  const endMs = systemClock.monotonicMs() + patienceMs;
  while (!(await isUp())) {
    if (systemClock.monotonicMs() >= endMs) throw late(name, "it takes no connections");
    await sleep(systemClock, lookEveryMs, signal);
  }
}

/** Waits until `/readyz` answers 200 and says so. Throws FAILED_PRECONDITION with its last answer. */
export async function untilAnswered(
  name: string,
  url: string,
  log: SuiteLog,
  signal: AbortSignal,
): Promise<void> {
  const startMs = systemClock.monotonicMs();
  let last = "";
  for (;;) {
    const answer = await look(url);
    const tookMs = systemClock.monotonicMs() - startMs;
    if (answer === undefined) {
      log.say(`${name} is ready after ${(tookMs / 1_000).toFixed(1)} s`);
      return;
    }
    last = answer;
    if (tookMs >= patienceMs) throw late(name, last);
    await sleep(systemClock, lookEveryMs, signal);
  }
}

/** Undefined when ready, else what it said. */
async function look(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(answerTimeoutMs) });
    const text = await response.text();
    return response.status === 200 ? undefined : text.trim().replaceAll("\n", "; ");
  } catch {
    return "it does not answer";
  }
}

function late(name: string, last: string): GatewayError {
  const message = `${name} did not become ready in ${patienceMs / 1_000} s: ${last}`;
  return new GatewayError("FAILED_PRECONDITION", message, { source: "gateway" });
}
