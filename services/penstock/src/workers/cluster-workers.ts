// Workers are processes of node:cluster, round robin: the primary accepts and hands each connection
// to the next worker, which is even also with few long-lived connections (gRPC), where the kernel's
// choice by hash (SO_REUSEPORT) gave 4 of 4 to one of two workers (performance.md §6). Per request
// it costs nothing: only accepted sockets are handed over.
import cluster from "node:cluster";
import type { WorkerListener, WorkerProcess } from "./worker-group.ts";
import { isMessage } from "./worker-messages.ts";
import type { WorkerMessage } from "./worker-messages.ts";
import { environmentOfWorker } from "./worker-place.ts";
import type { WorkerPlace } from "./worker-place.ts";

/** Starts workers of this process: the same program with the same arguments. */
export function forkWorkers(of: Omit<WorkerPlace, "index">) {
  cluster.schedulingPolicy = cluster.SCHED_RR;
  return (index: number, listener: WorkerListener): WorkerProcess => {
    const worker = cluster.fork(environmentOfWorker({ ...of, index }));
    worker.on("message", (message: unknown) => {
      if (isMessage(message)) listener.onMessage(message as WorkerMessage);
    });
    worker.on("exit", (code: number | null, signal: string | null) => {
      listener.onExit(code, signal ?? `exit code ${code}`);
    });
    // Of the channel: a worker that dies while it is written to is heard of by its exit.
    worker.on("error", () => undefined);
    return {
      pid: worker.process.pid,
      send: (message) => {
        if (worker.isConnected()) worker.send(message, () => undefined);
      },
      kill: () => void worker.process.kill("SIGKILL"),
    };
  };
}
