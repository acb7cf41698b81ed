import {
  countPrefix,
  errorFaults,
  knownFaults,
  numberFaults,
  plainFaults,
  rejectsPrefix,
  servedAsPrefix,
} from "./fault-names.ts";
import type { VendorErrorKind } from "./vendor-error.ts";

/** How a simulated model answers and misbehaves. Times in milliseconds, counts in tokens. */
export interface Scenario {
  /** Model without its faults. */
  readonly model: string;
  /** Answers with this status and an error body. */
  readonly status?: number;
  /** Answers with this error; with `errorAfter` it comes inside the answer. */
  readonly error?: VendorErrorKind;
  /** Wait told with an error in the vendor's usual way. Unit: seconds. */
  readonly retryAfterSeconds?: number;
  /** Wait told as `retry-after-ms`. Unit: milliseconds. */
  readonly retryAfterMs?: number;
  /** Wait told as `retry-after` with a date so far ahead. Unit: seconds. */
  readonly retryAfterDateSeconds?: number;
  /** Wait told only in the sentence of the error. Unit: seconds. */
  readonly retryAfterProseSeconds?: number;
  /** Never answers. */
  readonly hang?: boolean;
  /** Drops the connection before any byte of an answer. */
  readonly reset?: boolean;
  /** 200 with a web page. */
  readonly html?: boolean;
  /** Reports no usage. */
  readonly noUsage?: boolean;
  /** Leaves out what ends a stream; a whole answer is cut before its last brace. */
  readonly noEnd?: boolean;
  /** The model declines, and says so as its vendor does. */
  readonly refusal?: boolean;
  /** Refuses a conversation whose last turn is the assistant's. */
  readonly rejectsPrefill?: boolean;
  /** Refuses a body with this field, at the top or one level below. */
  readonly rejects?: string;
  /** Serves by this tier. Absent: by the one that is asked for. */
  readonly servedAs?: string;
  /** Wait before the head of the answer. */
  readonly firstTokenMs?: number;
  /** Wait between what opens a stream and its first content. */
  readonly contentDelayMs?: number;
  readonly tokenIntervalMs?: number;
  /** Length of the answer. */
  readonly tokens?: number;
  /** Length of the reasoning before it. */
  readonly reasoningTokens?: number;
  /** Tools called where one is called. */
  readonly toolCalls?: number;
  /** Drops the connection after so many tokens. */
  readonly cutAfter?: number;
  /** Ends the stream in the regular way, but without its end, after so many tokens. */
  readonly endAfter?: number;
  /** Says nothing more after so many tokens. */
  readonly stallAfter?: number;
  /** Sends only keep-alive comments after so many tokens. */
  readonly pingAfter?: number;
  /** Sends a chunk that its format does not allow after so many tokens. */
  readonly malformedAfter?: number;
  /** Sends an error inside the stream after so many tokens. */
  readonly errorAfter?: number;
  /** Refuses conversations of more tokens as too long. */
  readonly contextTokens?: number;
  /** Admits so many requests a minute and tells of it in headers. */
  readonly requestsPerMinute?: number;
  /** Admits so many input tokens a minute and tells of it in headers. */
  readonly tokensPerMinute?: number;
  /** The faults hold only for so many calls of this model name, faults included. */
  readonly firstCalls?: number;
  /** The faults hold only for every so manieth call of this model name, faults included. */
  readonly everyCall?: number;
  /** What else holds where tokens are counted. */
  readonly counting?: Partial<Scenario>;
}

/** A fault that is not known, so that a mistyped name is not taken for a healthy model. */
export class UnknownFault extends Error {
  readonly fault: string;

  constructor(fault: string) {
    super(`unknown fault "${fault}"; known are: ${knownFaults().join(", ")}`);
    this.fault = fault;
  }
}

type Draft = { -readonly [Field in keyof Scenario]: Scenario[Field] };

/** What of a scenario is no fault: how a healthy model answers. */
const healthyFields: readonly (keyof Scenario)[] = [
  "model",
  "tokens",
  "reasoningTokens",
  "toolCalls",
  "servedAs",
  "tokenIntervalMs",
  "requestsPerMinute",
  "tokensPerMinute",
];

/**
 * Reads a model name such as `alpha-large+status-503` and the faults of a header, `+` between
 * them. Throws UnknownFault.
 */
export function readScenario(modelName: string, headerFaults: string): Scenario {
  const [model = "", ...named] = modelName.split("+");
  const faults = [...named, ...headerFaults.split("+").filter((fault) => fault !== "")];
  const draft: Draft = { model };
  for (const fault of faults) readFault(fault, draft);
  return draft;
}

/** The scenario of call number `turn` of its name: without faults where it is none of theirs. */
export function scenarioOfTurn(scenario: Scenario, turn: number): Scenario {
  const { firstCalls = Infinity, everyCall = 1 } = scenario;
  if (turn <= firstCalls && turn % everyCall === 0) return scenario;
  const kept = healthyFields.map((field) => [field, scenario[field]] as const);
  return Object.fromEntries(kept.filter(([, value]) => value !== undefined)) as Draft;
}

/** The scenario of a call that counts tokens: what holds for all calls, and for such calls alone. */
export function scenarioOfCount({ counting, ...common }: Scenario): Scenario {
  return { ...common, ...counting };
}

function readFault(fault: string, draft: Partial<Draft>): void {
  if (fault.startsWith(countPrefix)) {
    const counting: Partial<Draft> = { ...draft.counting };
    readFault(fault.slice(countPrefix.length), counting);
    draft.counting = counting;
    return;
  }
  const flag = own(plainFaults, fault);
  const kind = own(errorFaults, fault);
  if (flag !== undefined) draft[flag] = true;
  else if (kind !== undefined) draft.error = kind;
  else if (/^rejects-[A-Za-z_]{1,64}$/.test(fault))
    draft.rejects = fault.slice(rejectsPrefix.length);
  else if (/^served-as-[A-Za-z_]{1,64}$/.test(fault))
    draft.servedAs = fault.slice(servedAsPrefix.length);
  else readNumber(fault, draft);
}

function readNumber(fault: string, draft: Partial<Draft>): void {
  const [, name = "", digits = ""] = /^([a-z-]+[a-z])-(\d{1,6})$/.exec(fault) ?? [];
  const known = own(numberFaults, name);
  const value = Number(digits);
  if (known === undefined || value < known.least || value > known.most) {
    throw new UnknownFault(fault);
  }
  draft[known.field] = value;
}

function own<Value>(values: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}
