/** One call as the simulated vendor saw it. No prompt, no answer. */
export interface SimulatedCall {
  /** Number of the call, from 1. */
  readonly number: number;
  readonly vendor: string;
  /** Model as asked for, faults included. */
  readonly model: string;
  /** Wire format, `openai-chat` for example. */
  readonly format: string;
  /** The caller's `x-request-id`: for Penstock the id of the attempt. */
  readonly requestId: string;
  readonly stream: boolean;
  readonly messageSha256: string;
  readonly inputTokens: number;
  readonly startTime: string;
  status: number;
  /** Tokens of the answer that were written to the connection. */
  sentTokens: number;
  /** Usage that was reported; 0 when none was. */
  reportedOutputTokens: number;
  /** How it ended. */
  end: "open" | "complete" | "fault" | "closed_by_caller";
  endTime: string;
}

/** Calls remembered; the oldest are forgotten first. */
const maximumCalls = 10_000;

/** What the simulated vendors were asked: the truth that bills are checked against. */
export class CallLog {
  readonly #calls: SimulatedCall[] = [];
  #count = 0;

  /** Notes a call; its end is written into the entry. */
  begin(
    call: Omit<
      SimulatedCall,
      "number" | "status" | "sentTokens" | "reportedOutputTokens" | "end" | "endTime"
    >,
  ): SimulatedCall {
    this.#count += 1;
    const entry: SimulatedCall = {
      ...call,
      number: this.#count,
      status: 0,
      sentTokens: 0,
      reportedOutputTokens: 0,
      end: "open",
      endTime: "",
    };
    this.#calls.push(entry);
    if (this.#calls.length > maximumCalls) this.#calls.shift();
    return entry;
  }

  /** The calls, oldest first; those whose request id begins so, where one is given. */
  list(requestIdPrefix = ""): readonly SimulatedCall[] {
    return this.#calls.filter(({ requestId }) => requestId.startsWith(requestIdPrefix));
  }

  clear(): void {
    this.#calls.length = 0;
  }
}
