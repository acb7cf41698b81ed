/** What an HTTP server said to a look at it. */
export interface HttpProbe {
  readonly status: number;
  readonly text: string;
  /** How far its clock is ahead of ours, from its `date` header; that has whole seconds. */
  readonly clockAheadMs: number | undefined;
}

const timeoutMs = 3_000;
const maxTextCharacters = 2_000;

/** Asks without a credential. Throws a sentence when nobody answers in 3 s. */
export async function probeHttp(url: string, method: "GET" | "HEAD" = "GET"): Promise<HttpProbe> {
  const startMs = Date.now();
  const signal = AbortSignal.timeout(timeoutMs);
  let response: Response;
  try {
    response = await fetch(url, { method, redirect: "manual", signal });
  } catch (cause) {
    throw new Error(`${new URL(url).origin} does not answer: ${reasonOf(cause)}`, { cause });
  }
  const middleMs = (startMs + Date.now()) / 2;
  const dateMs = Date.parse(response.headers.get("date") ?? "");
  return {
    status: response.status,
    text: (await response.text()).slice(0, maxTextCharacters),
    // The header is cut to the second, so it is half a second early on average.
    clockAheadMs: Number.isNaN(dateMs) ? undefined : Math.round(dateMs + 500 - middleMs),
  };
}

function reasonOf(thrown: unknown): string {
  for (let cause = thrown; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && typeof cause.code === "string") return cause.code;
    if (cause.name === "TimeoutError") return `nothing for ${timeoutMs / 1000} s`;
  }
  return thrown instanceof Error ? thrown.message : "unknown";
}
