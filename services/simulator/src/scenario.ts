/** How a simulated model answers and misbehaves. Times in milliseconds, counts in tokens. */
export interface Scenario {
  /** Model without its faults. */
  readonly model: string;
  /** Answers with this status and an error body. */
  readonly status: number | undefined;
  /** Sent as `retry-after` with a status. Unit: seconds. */
  readonly retryAfterSeconds: number | undefined;
  /** Never answers. */
  readonly hang: boolean;
  /** Drops the connection before any byte of an answer. */
  readonly reset: boolean;
  /** 200 with a web page. */
  readonly html: boolean;
  /** Reports no usage. */
  readonly noUsage: boolean;
  readonly firstTokenMs: number | undefined;
  readonly tokenIntervalMs: number | undefined;
  /** Length of the answer. */
  readonly tokens: number | undefined;
  /** Drops the connection after so many tokens. */
  readonly cutAfter: number | undefined;
  /** Ends the stream in the regular way, but without its end, after so many tokens. */
  readonly endAfter: number | undefined;
  /** Says nothing more after so many tokens. */
  readonly stallAfter: number | undefined;
  /** Sends only keep-alive comments after so many tokens. */
  readonly pingAfter: number | undefined;
  /** Sends a chunk that is no JSON after so many tokens. */
  readonly malformedAfter: number | undefined;
  /** Sends an error inside the stream after so many tokens. */
  readonly errorAfter: number | undefined;
}

/** A fault that is not known, so that a mistyped name is not taken for a healthy model. */
export class UnknownFault extends Error {
  readonly fault: string;

  constructor(fault: string) {
    super(`unknown fault "${fault}"; known are: ${knownFaults().join(", ")}`);
    this.fault = fault;
  }
}

interface Draft extends Partial<Record<NumberFault, number>> {
  hang?: boolean;
  reset?: boolean;
  html?: boolean;
  noUsage?: boolean;
}

type NumberFault = Exclude<keyof Scenario, "model" | "hang" | "reset" | "html" | "noUsage">;

/** Names of faults that carry a number, with the largest that is accepted. */
const numberFaults: readonly (readonly [prefix: string, NumberFault, maximum: number])[] = [
  ["status-", "status", 599],
  ["retry-after-", "retryAfterSeconds", 86_400],
  ["slow-first-token-", "firstTokenMs", 600_000],
  ["delay-", "tokenIntervalMs", 60_000],
  ["tokens-", "tokens", 100_000],
  ["cut-after-", "cutAfter", 100_000],
  ["end-after-", "endAfter", 100_000],
  ["stall-after-", "stallAfter", 100_000],
  ["ping-after-", "pingAfter", 100_000],
  ["malformed-after-", "malformedAfter", 100_000],
  ["error-after-", "errorAfter", 100_000],
];

const plainFaults = {
  hang: "hang",
  reset: "reset",
  html: "html",
  "no-usage": "noUsage",
} as const;

/**
 * Reads a model name such as `alpha-large+status-503` and the faults of a header, `+` between
 * them. Throws UnknownFault.
 */
export function readScenario(modelName: string, headerFaults: string): Scenario {
  const [model = "", ...named] = modelName.split("+");
  const faults = [...named, ...headerFaults.split("+").filter((fault) => fault !== "")];
  const draft: Draft = {};
  for (const fault of faults) readFault(fault, draft);
  return {
    model,
    status: draft.status,
    retryAfterSeconds: draft.retryAfterSeconds,
    hang: draft.hang ?? false,
    reset: draft.reset ?? false,
    html: draft.html ?? false,
    noUsage: draft.noUsage ?? false,
    firstTokenMs: draft.firstTokenMs,
    tokenIntervalMs: draft.tokenIntervalMs,
    tokens: draft.tokens,
    cutAfter: draft.cutAfter,
    endAfter: draft.endAfter,
    stallAfter: draft.stallAfter,
    pingAfter: draft.pingAfter,
    malformedAfter: draft.malformedAfter,
    errorAfter: draft.errorAfter,
  };
}

/** Names of all faults; `N` stands for a number. */
export function knownFaults(): string[] {
  return [...Object.keys(plainFaults), ...numberFaults.map(([prefix]) => `${prefix}N`)];
}

function readFault(fault: string, draft: Draft): void {
  if (isPlainFault(fault)) {
    draft[plainFaults[fault]] = true;
    return;
  }
  for (const [prefix, field, maximum] of numberFaults) {
    if (!fault.startsWith(prefix)) continue;
    const digits = fault.slice(prefix.length);
    const value = /^\d{1,6}$/.test(digits) ? Number(digits) : Infinity;
    if (value > maximum || (field === "status" && value < 400)) throw new UnknownFault(fault);
    draft[field] = value;
    return;
  }
  throw new UnknownFault(fault);
}

function isPlainFault(fault: string): fault is keyof typeof plainFaults {
  return Object.hasOwn(plainFaults, fault);
}
