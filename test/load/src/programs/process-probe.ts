// Loaded with --import into every process of the benchmark. Answers its parent's questions about
// the process it is in: how much CPU time it has used, and for how long its event loop stood still.
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

/** The longest time between two turns of an event loop, beyond the time that was asked for. */
export interface StallReading {
  readonly longestMs: number;
  /** CPU time of the thread during that stall: the rest, the machine did something else. */
  readonly cpuMs: number;
  /** The same by Node's own histogram. */
  readonly histogramMs: number;
}

/** What a process is asked. */
export type ProbeQuestion = "cpu" | "stall-begin" | "stall-end" | "exit";

/** CPU time in microseconds. */
export interface CpuReading {
  /** Of all threads of the process. */
  readonly cpuUs: number;
  /** Of its main thread: without those of the engine and of workers. */
  readonly mainUs: number;
}

const tickMs = 5;
const histogram = monitorEventLoopDelay({ resolution: tickMs });

let ticker: NodeJS.Timeout | undefined;
let longest = { longestMs: 0, cpuMs: 0 };

function beginStalls(): void {
  longest = { longestMs: 0, cpuMs: 0 };
  histogram.reset();
  histogram.enable();
  let lastMs = performance.now();
  let lastCpuMs = threadCpuMs();
  ticker = setInterval(() => {
    const nowMs = performance.now();
    const nowCpuMs = threadCpuMs();
    const lateMs = nowMs - lastMs - tickMs;
    if (lateMs > longest.longestMs) longest = { longestMs: lateMs, cpuMs: nowCpuMs - lastCpuMs };
    lastMs = nowMs;
    lastCpuMs = nowCpuMs;
  }, tickMs);
}

function endStalls(): StallReading {
  clearInterval(ticker);
  histogram.disable();
  return { ...longest, histogramMs: Math.max(0, histogram.max / 1e6 - tickMs) };
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

function answer(question: ProbeQuestion): CpuReading | StallReading | undefined {
  switch (question) {
    case "cpu": {
      const { user, system } = process.cpuUsage();
      return { cpuUs: user + system, mainUs: threadCpuMs() * 1_000 };
    }
    case "stall-begin":
      beginStalls();
      return { cpuUs: 0, mainUs: 0 };
    case "stall-end":
      return endStalls();
    case "exit":
      return undefined;
  }
}

if (isMainThread && process.channel !== undefined) {
  process.on("message", (message: { readonly ask?: ProbeQuestion }) => {
    if (message.ask === undefined) return;
    const reading = answer(message.ask);
    if (reading !== undefined) process.send?.({ reading });
  });
  process.on("disconnect", () => process.exit(0));
  // The channel alone keeps nothing alive.
  process.channel?.unref();
}
