import type { GenerateRequest } from "@penstock/api";
import { PenstockError } from "@penstock/client";
import type { GenerateEvent, PenstockClient } from "@penstock/client";
import { formats } from "@penstock/formats";
import type { Format, FormatName, StreamEvent } from "@penstock/formats";
import { CellAnswer } from "./cell-answer.ts";

/** A question as it is put to a door. */
export interface CellQuestion {
  readonly request: GenerateRequest;
  readonly stream: boolean;
  /** Called with what has come so far; true ends the call there. */
  readonly enough?: (answer: CellAnswer) => boolean;
}

/** A way into the gateway. */
export interface MatrixDoor {
  readonly name: string;
  /** Format of its bodies; undefined: its own messages. */
  readonly format: FormatName | undefined;
  ask(question: CellQuestion): Promise<CellAnswer>;
}

/** A door of HTTP, asked by a client that is made of its own format. */
export function httpDoor(
  name: FormatName,
  path: string,
  { url, key }: { readonly url: string; readonly key: string },
): MatrixDoor {
  const format = formats[name];
  return {
    name: path,
    format: name,
    async ask(question) {
      const answer = new CellAnswer();
      const response = await fetch(`${url}${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: bodyFor(format, question),
      });
      answer.status = response.status;
      answer.requestId = response.headers.get("x-request-id") ?? "";
      if (!response.ok) {
        const body = new Uint8Array(await response.arrayBuffer());
        const header = (one: string) => response.headers.get(one) ?? undefined;
        const failure = format.readError(response.status, header, body);
        answer.error = `${failure.class}: ${failure.message}`;
      } else if (question.stream) await readStream(format, response, { answer, question });
      else readWhole(format, new Uint8Array(await response.arrayBuffer()), answer);
      return answer;
    },
  };
}

function bodyFor(format: Format, { request, stream }: CellQuestion): string {
  const quirks = {
    maxTokensField: "max_completion_tokens",
    sendsDeveloperRole: true,
    supportsStreamUsage: true,
    sendsReasoning: true,
  } as const;
  return format.writeRequest(request, { model: request.model, stream, quirks });
}

function readWhole(format: Format, body: Uint8Array, answer: CellAnswer): void {
  const { candidates, end } = format.readResponse(body);
  for (const part of candidates[0]?.parts ?? []) answer.part(part);
  answer.end(end);
}

async function readStream(
  format: Format,
  response: Response,
  { answer, question }: { readonly answer: CellAnswer; readonly question: CellQuestion },
): Promise<void> {
  const reader = format.createStreamReader({
    event: (event) => answer.event(event),
    flush: () => undefined,
    finish: (end) => answer.end(end),
    fail: (error) => (answer.error = error.reason),
  });
  for await (const bytes of response.body ?? []) {
    reader.push(bytes);
    // Leaving the loop closes the connection.
    if (question.enough?.(answer) === true) return;
  }
  reader.end();
}

/** The door of gRPC. */
export function grpcDoor(client: PenstockClient): MatrixDoor {
  return {
    name: "gRPC",
    format: undefined,
    async ask(question) {
      const answer = new CellAnswer();
      try {
        if (question.stream) await readEvents(client, question, answer);
        else await readMessage(client, question, answer);
        answer.status = 200;
      } catch (error) {
        if (!(error instanceof PenstockError)) throw error;
        answer.requestId ||= error.requestId;
        answer.error = `${error.reason}: ${error.message}`;
      }
      return answer;
    },
  };
}

async function readMessage(
  client: PenstockClient,
  { request }: CellQuestion,
  answer: CellAnswer,
): Promise<void> {
  const { response } = await client.generate(request);
  answer.requestId = response.started?.requestId ?? "";
  for (const part of response.candidates[0]?.parts ?? []) answer.part(part);
  if (response.finished !== undefined) {
    const { candidates, usage } = response.finished;
    answer.end({ candidates, usage });
  }
}

async function readEvents(
  client: PenstockClient,
  { request, enough }: CellQuestion,
  answer: CellAnswer,
): Promise<void> {
  const stream = client.streamGenerate(request);
  for await (const event of stream) {
    if (event.case === "started") answer.requestId = event.value.requestId;
    else if (event.case === "finished") {
      answer.end({ candidates: event.value.candidates, usage: event.value.usage });
    } else if (isKnown(event)) answer.event(event);
    // Leaving the loop cancels the call.
    if (enough?.(answer) === true) return;
  }
}

function isKnown(event: GenerateEvent): event is StreamEvent {
  return event.case !== undefined;
}
