import { sleep, systemClock } from "@penstock/runtime";
import type { ServerProcess } from "./server-process.ts";

const lookEveryMs = 10;
const startTimeoutMs = 20_000;

/** Waits until `find` gives a value; fails with the server's output when it ended or is late. */
export async function waitUntilStarted<Found>(
  server: ServerProcess,
  what: string,
  find: () => Found | undefined,
): Promise<Found> {
  const deadlineMs = systemClock.monotonicMs() + startTimeoutMs;
  while (systemClock.monotonicMs() < deadlineMs) {
    const found = find();
    if (found !== undefined) return found;
    const { exitCode, signalCode } = server.process;
    if (exitCode !== null || signalCode !== null) break;
    await sleep(systemClock, lookEveryMs);
  }
  await server.end("SIGKILL");
  throw new Error(`${what} did not start:\n${server.output()}`);
}
