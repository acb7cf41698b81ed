import { readFileSync } from "node:fs";
import { request as requestHttp } from "node:http";
import type { IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { connectionCauseOf, connectionSentences, unreadableSentence } from "@penstock/errors";
import type { ConnectionCause } from "@penstock/errors";

/** What an HTTP server said to a look at it. */
export interface HttpProbe {
  readonly status: number;
  readonly text: string;
  /** How far its clock is ahead of ours, from its `date` header; that has whole seconds. */
  readonly clockAheadMs: number | undefined;
}

/** How a server is looked at. */
export interface ProbeOptions {
  readonly method?: "GET" | "HEAD";
  /** Authorities (PEM) that its certificate is checked with; those that Node knows when absent. */
  readonly caFile?: string | undefined;
}

const timeoutMs = 3_000;
const maxTextCharacters = 2_000;

/** Asks without a credential. Throws a `ProbeError` when nobody answers in 3 s. */
export async function probeHttp(url: string, options: ProbeOptions = {}): Promise<HttpProbe> {
  const startMs = Date.now();
  try {
    const response = await ask(url, options);
    const middleMs = (startMs + Date.now()) / 2;
    const dateMs = Date.parse(response.headers.date ?? "");
    return {
      status: response.statusCode ?? 0,
      text: await readText(response),
      // The header is cut to the second, so it is half a second early on average.
      clockAheadMs: Number.isNaN(dateMs) ? undefined : Math.round(dateMs + 500 - middleMs),
    };
  } catch (cause) {
    throw new ProbeError(new URL(url).origin, cause);
  }
}

function ask(url: string, { method = "GET", caFile }: ProbeOptions): Promise<IncomingMessage> {
  const isSecure = new URL(url).protocol === "https:";
  const ca = isSecure && caFile !== undefined ? { ca: readFileSync(caFile) } : {};
  const signal = AbortSignal.timeout(timeoutMs);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = isSecure ? requestHttps : requestHttp;
  request(url, { ...ca, method, signal, agent: false }, resolve)
    .once("error", reject)
    .end();
  return promise;
}

async function readText(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of response) {
    text += String(chunk);
    // Leaving the loop ends the connection.
    if (text.length >= maxTextCharacters) break;
  }
  return text.slice(0, maxTextCharacters);
}

/** Why nobody answered as HTTP does; undefined: for another reason. */
export type ProbeCause = ConnectionCause | "unreadable";

/** Nobody answered; the message is a sentence without its full stop. */
export class ProbeError extends Error {
  readonly probeCause: ProbeCause | undefined;

  constructor(origin: string, thrown: unknown) {
    const code = codeOf(thrown);
    const probeCause = code.startsWith("HPE_") ? "unreadable" : connectionCauseOf(code);
    super(`${origin} ${sentenceOf(probeCause, code, thrown)}`, { cause: thrown });
    this.probeCause = probeCause;
  }
}

function sentenceOf(cause: ProbeCause | undefined, code: string, thrown: unknown): string {
  if (cause === "unreadable") return `${unreadableSentence} (${code})`;
  if (cause !== undefined) return `${connectionSentences[cause]} (${code})`;
  return `does not answer: ${code === "" ? reasonOf(thrown) : code}`;
}

function reasonOf(thrown: unknown): string {
  for (let cause = thrown; cause instanceof Error; cause = cause.cause) {
    if (cause.name === "TimeoutError") return `nothing for ${timeoutMs / 1000} s`;
  }
  return thrown instanceof Error ? thrown.message : "unknown";
}

/** The system's name of an error, looking into its causes; empty: none. */
function codeOf(thrown: unknown): string {
  for (let cause = thrown; cause instanceof Error; cause = cause.cause) {
    if (cause.name === "TimeoutError") return "";
    if ("code" in cause && typeof cause.code === "string" && cause.code !== "ABORT_ERR") {
      return cause.code;
    }
  }
  return "";
}
