import type { VendorError } from "../vendor-error.ts";
import { kindOfStatus } from "../vendor-error.ts";
import { answerError } from "./answer-error.ts";
import { answerHeaders, endCall } from "./call.ts";
import type { Call } from "./call.ts";
import { refusalOf } from "./refusal-of.ts";
import { StreamedAnswer } from "./streamed-answer.ts";
import { answerWhole } from "./whole-answer.ts";

/** Answers one call in the format of its endpoint, as its scenario says. */
export function answerCall(call: Call): void {
  const { scenario, response, entry, clock } = call;
  response.on("close", () => {
    endCall(call, response.writableFinished ? "complete" : "closed_by_caller");
  });
  if (scenario.hang === true) return;
  if (scenario.reset === true) {
    endCall(call, "fault");
    call.request.socket.resetAndDestroy();
    return;
  }
  const error = errorOf(call) ?? refusalOf(call);
  if (error !== undefined) {
    if (isBlock(error) && answerBlocked(call)) return;
    answerFault(call, error);
    return;
  }
  if (scenario.html === true) {
    entry.status = 200;
    endCall(call, "fault");
    response.writeHead(200, { "content-type": "text/html" });
    response.end("<html><body>Welcome</body></html>");
    return;
  }
  const answer = call.asked.stream ? new StreamedAnswer(call) : { start: () => answerWhole(call) };
  const timer = clock.schedule(call.firstTokenMs, () => answer.start());
  response.on("close", () => timer.cancel());
}

/** The error that the scenario names as the whole answer. */
function errorOf({ scenario }: Call): VendorError | undefined {
  const { status, error } = scenario;
  if (status !== undefined) {
    return { kind: error ?? kindOfStatus(status), status, message: `simulated ${status}` };
  }
  if (error === undefined || scenario.errorAfter !== undefined) return undefined;
  return { kind: error, message: `simulated ${error}` };
}

function isBlock({ kind, status }: VendorError): boolean {
  return kind === "content_filter" && status === undefined;
}

/** Answers a blocked prompt with 200; false where the vendor answers it with an error. */
function answerBlocked(call: Call): boolean {
  const { response, entry, endpoint, asked } = call;
  const { blockedPrompt: body } = endpoint.dialect;
  if (body === undefined) return false;
  entry.status = 200;
  endCall(call, "fault");
  const { contentType, streamContentType } = endpoint.format;
  response.writeHead(200, {
    "content-type": asked.stream ? streamContentType : contentType,
    ...answerHeaders(call),
  });
  response.end(asked.stream ? `data: ${body}\r\n\r\n` : body);
  return true;
}

function answerFault(call: Call, error: VendorError): void {
  const { response, scenario, entry, endpoint, clock } = call;
  const { dialect } = endpoint;
  endCall(call, "fault");
  const { retryAfterSeconds, retryAfterMs, retryAfterDateSeconds, retryAfterProseSeconds } =
    scenario;
  for (const [name, value] of Object.entries(answerHeaders(call))) response.setHeader(name, value);
  const waitSeconds = error.retryAfterSeconds ?? retryAfterSeconds;
  if (waitSeconds !== undefined && !dialect.tellsWaitInBody) {
    response.setHeader("retry-after", String(waitSeconds));
  }
  if (retryAfterMs !== undefined) response.setHeader("retry-after-ms", String(retryAfterMs));
  if (retryAfterDateSeconds !== undefined) {
    const date = new Date(clock.wallMs() + retryAfterDateSeconds * 1_000);
    response.setHeader("retry-after", date.toUTCString());
  }
  const prose =
    retryAfterProseSeconds === undefined ? "" : ` Please try again in ${retryAfterProseSeconds}s.`;
  const told = { ...error, message: error.message + prose, retryAfterSeconds: waitSeconds };
  entry.status = answerError(response, dialect, told, `sim-${entry.number}`);
}
