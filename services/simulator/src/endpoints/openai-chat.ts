import { answerError } from "./answer-error.ts";
import { endCall } from "./chat-call.ts";
import type { ChatCall } from "./chat-call.ts";
import { StreamedAnswer } from "./streamed-answer.ts";
import { answerWhole } from "./whole-answer.ts";

/** Answers one call of `POST /v1/chat/completions`, as its scenario says. */
export function answerOpenaiChat(call: ChatCall): void {
  const { scenario, response, entry, clock } = call;
  response.on("close", () => {
    endCall(call, response.writableFinished ? "complete" : "closed_by_caller");
  });
  if (scenario.hang) return;
  if (scenario.reset) {
    endCall(call, "fault");
    call.request.socket.resetAndDestroy();
    return;
  }
  if (scenario.status !== undefined) {
    answerStatus(call, scenario.status);
    return;
  }
  if (scenario.html) {
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

function answerStatus(call: ChatCall, status: number): void {
  const { response, scenario, entry } = call;
  entry.status = status;
  endCall(call, "fault");
  if (scenario.retryAfterSeconds !== undefined) {
    response.setHeader("retry-after", String(scenario.retryAfterSeconds));
  }
  answerError(response, status, `simulated ${status}`);
}
