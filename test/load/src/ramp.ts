import { readFileSync } from "node:fs";
import { chatPath, httpLoad } from "./lanes.ts";
import type { HttpTarget } from "./lanes.ts";
import type { Workbench } from "./workbench.ts";

/** Requests per second of the steps; the last sends the next as soon as one is answered. */
const steps = [
  { connections: 1, rate: 20 },
  { connections: 4, rate: 100 },
  { connections: 16, rate: 400 },
  { connections: 32, rate: 1_600 },
  { connections: 64, rate: 0 },
] as const;
const stepSeconds = 0.5;
/** What fails so often is not the beginning; then it shall be seen in the figures. */
const mostTries = 10;
const firstRequestMs = 10_000;
const pauseMs = 100;

/**
 * Raises the load slowly until nothing fails. A router borrows what it has demand for; of a key
 * that was never asked about it knows nothing, and quota, which gets only what all others leave of
 * the processor here, may answer later than requests wait. In earnest load does not begin at 7,000
 * requests a second. Gives how many requests were sent.
 */
export async function rampUp(
  { toolbox, bodies }: Pick<Workbench, "toolbox" | "bodies">,
  target: HttpTarget,
): Promise<number> {
  let sent = await untilAnswered(bodies.json, target);
  for (const step of steps) {
    for (let tries = 0; tries < mostTries; tries += 1) {
      const pace = { ...step, seconds: stepSeconds };
      const result = await httpLoad(toolbox, bodies.json, target, pace);
      sent += result.requests + result.errors;
      if (result.errors + result.notOk === 0) break;
    }
  }
  return sent;
}

async function untilAnswered(bodyFile: string, { httpPort, key }: HttpTarget): Promise<number> {
  const body = readFileSync(bodyFile, "utf8");
  const headers = { "content-type": "application/json", authorization: `Bearer ${key ?? ""}` };
  const endMs = performance.now() + firstRequestMs;
  for (let sent = 1; ; sent += 1) {
    const url = `http://127.0.0.1:${httpPort}${chatPath}`;
    const response = await fetch(url, { method: "POST", headers, body });
    const text = await response.text();
    if (response.status === 200) return sent;
    if (performance.now() > endMs) throw new Error(`the first request is refused: ${text}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
