import { fromBinary } from "@bufbuild/protobuf";
import { StatusSchema } from "@penstock/api";
import { fromStatus, GatewayError } from "@penstock/errors";
import type { Clock } from "@penstock/runtime";
import type { WorkerGroup } from "./worker-group.ts";
import type { Question, WorkerMessage } from "./worker-messages.ts";

/** An answer and whose it is. */
export interface WorkerAnswer {
  readonly worker: number;
  readonly value: unknown;
}

interface Waiting {
  readonly worker: number;
  resolve(value: unknown): void;
  reject(error: GatewayError): void;
}

/** Questions that may be open at once: administrators do not come in crowds. */
const mostWaiting = 1_000;

/** Asks workers by their channel; every question has a deadline. */
export class WorkerQuestions {
  readonly #group: WorkerGroup;
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  constructor(group: WorkerGroup, clock: Clock) {
    this.#group = group;
    this.#clock = clock;
    group.onAnswer = (_index, message) => this.#take(message);
    group.onGone = (index) => this.#gone(index);
  }

  /**
   * Asks one worker. Rejects with its refusal, or UNAVAILABLE when it is gone or does not answer in
   * time.
   */
  async ask(
    worker: number,
    question: Question,
    asked: { readonly request: unknown; readonly timeoutMs: number },
  ): Promise<unknown> {
    if (this.#waiting.size >= mostWaiting) {
      throw new GatewayError("OVERLOADED", "Too many questions are open.", { source: "gateway" });
    }
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, { worker, resolve, reject });
    const timer = this.#clock.schedule(asked.timeoutMs, () => reject(silent(worker)));
    const { request, timeoutMs } = asked;
    this.#group.send(worker, { kind: "question", id, question, request, remainingMs: timeoutMs });
    try {
      return await promise;
    } finally {
      timer.cancel();
      this.#waiting.delete(id);
    }
  }

  /** Asks every worker that runs; those that do not answer in time are left out. */
  async askAll(question: Question, timeoutMs: number): Promise<WorkerAnswer[]> {
    const workers = this.#group.alive();
    const asked = { request: {}, timeoutMs };
    const outcomes = await Promise.allSettled(
      workers.map((worker) => this.ask(worker, question, asked)),
    );
    return outcomes.flatMap((outcome, at) => {
      const worker = workers[at];
      if (outcome.status === "rejected" || worker === undefined) return [];
      return [{ worker, value: outcome.value }];
    });
  }

  #take(message: WorkerMessage): void {
    if (message.kind === "answer") this.#waiting.get(message.id)?.resolve(message.value);
    if (message.kind === "refusal") {
      const status = fromBinary(StatusSchema, Buffer.from(message.status, "base64"));
      this.#waiting.get(message.id)?.reject(fromStatus(status));
    }
  }

  #gone(index: number): void {
    for (const { worker, reject } of this.#waiting.values()) {
      if (worker === index) reject(silent(index));
    }
  }
}

function silent(worker: number): GatewayError {
  return new GatewayError("UNAVAILABLE", `Worker ${worker} does not answer.`, {
    source: "gateway",
    retryAfterMs: 1_000,
  });
}
