import type { IncomingMessage, ServerResponse } from "node:http";
import { GatewayError, reasons } from "@penstock/errors";
import { openaiEmbeddings } from "@penstock/formats";
import type { VectorAnswer } from "@penstock/formats";
import { UsageSource } from "@penstock/api";
import type { EmbedRequest } from "@penstock/api";
import type { Clock } from "@penstock/runtime";
import type { CallLog, SimulatedCall } from "../call-log.ts";
import { embed } from "../embed.ts";
import { readScenario, UnknownFault } from "../scenario.ts";
import type { Scenario } from "../scenario.ts";
import type { SimulatedVendor } from "../vendors.ts";
import { answerError } from "../answers/answer-error.ts";
import { kindOfStatus } from "../vendor-error.ts";
import { openaiDialect } from "./openai-dialect.ts";

/** The vendor of a path where vectors are asked for; undefined for any other path. */
export function vendorOfEmbeddings(path: string): string | undefined {
  return /^\/([a-z0-9-]+)\/v1\/embeddings$/.exec(path)?.[1];
}

/** One call of `POST /v1/embeddings`. */
export interface EmbeddingCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
  readonly vendorName: string;
  readonly vendor: SimulatedVendor;
  readonly calls: CallLog;
  readonly clock: Clock;
}

/** Answers with vectors that anyone can compute again, or misbehaves as the model's name says. */
export function answerOpenaiEmbeddings(call: EmbeddingCall): void {
  const { request, response, vendor, clock } = call;
  let asked: EmbedRequest;
  let scenario: Scenario;
  try {
    asked = openaiEmbeddings.readRequest(call.body).request;
    const faults = request.headers["x-simulator-fault"];
    scenario = readScenario(asked.model, typeof faults === "string" ? faults : "");
  } catch (error) {
    if (error instanceof UnknownFault) refuse(response, 400, error.message);
    else if (error instanceof GatewayError) {
      refuse(response, reasons[error.reason].httpStatus, error.message);
    } else throw error;
    return;
  }
  const { model } = scenario;
  const speed = Object.hasOwn(vendor.models, model) ? vendor.models[model] : undefined;
  if (speed === undefined) {
    refuse(response, 404, `the model ${model} does not exist`);
    return;
  }
  const { vectors, inputTokens, sha256 } = embed(asked, model);
  const entry = call.calls.begin({
    vendor: call.vendorName,
    model: asked.model,
    format: openaiEmbeddings.name,
    requestId: String(request.headers["x-request-id"] ?? ""),
    stream: false,
    messageSha256: sha256,
    inputTokens,
    startTime: new Date(clock.wallMs()).toISOString(),
  });
  response.on("close", () => {
    end(entry, response.writableFinished ? "complete" : "closed_by_caller", clock);
  });
  if (misbehaves(call, scenario, entry)) return;
  const answer = answerOf(vectors, model);
  const timer = clock.schedule(scenario.firstTokenMs ?? speed.firstTokenMs, () => {
    const text = openaiEmbeddings.writeResponse(answer, { model }, asked.encoding, {
      $typeName: "penstock.type.v1.TokenUsage",
      inputTokens: BigInt(inputTokens),
      source: UsageSource.REPORTED,
    });
    entry.status = 200;
    sendWhole(call, scenario, { text, entry });
  });
  response.on("close", () => timer.cancel());
}

function refuse(response: ServerResponse, status: number, message: string): void {
  answerError(response, openaiDialect, { kind: kindOfStatus(status), status, message });
}

function answerOf(vectors: readonly number[][], model: string): VectorAnswer {
  return {
    embeddings: vectors.map((values, index) => ({
      $typeName: "penstock.inference.v1.Embedding",
      index,
      values,
      data: new Uint8Array(),
    })),
    end: {
      candidates: [],
      usage: undefined,
      rawUsage: undefined,
      responseId: "",
      model,
      warnings: [],
    },
  };
}

/** True when a fault of the head was carried out and nothing more is to be sent. */
function misbehaves(
  { request, response, clock }: EmbeddingCall,
  scenario: Scenario,
  entry: SimulatedCall,
): boolean {
  if (scenario.hang === true) return true;
  if (scenario.reset === true) {
    end(entry, "fault", clock);
    request.socket.resetAndDestroy();
    return true;
  }
  if (scenario.status === undefined) return false;
  entry.status = scenario.status;
  end(entry, "fault", clock);
  if (scenario.retryAfterSeconds !== undefined) {
    response.setHeader("retry-after", String(scenario.retryAfterSeconds));
  }
  refuse(response, scenario.status, `simulated ${scenario.status}`);
  return true;
}

function sendWhole(
  { response, clock }: EmbeddingCall,
  scenario: Scenario,
  { text, entry }: { readonly text: string; readonly entry: SimulatedCall },
): void {
  const html = scenario.html === true;
  const fault = scenario.malformedAfter !== undefined || html;
  if (fault) end(entry, "fault", clock);
  const whole =
    scenario.noUsage === true ? JSON.stringify({ ...JSON.parse(text), usage: undefined }) : text;
  const body = html ? "<html><body>Welcome</body></html>" : whole;
  const sent = scenario.malformedAfter === undefined ? body : body.slice(0, body.length / 2);
  response.writeHead(200, {
    "content-type": html ? "text/html" : "application/json",
    "content-length": String(Buffer.byteLength(sent)),
    "x-request-id": `sim-${entry.number}`,
  });
  response.end(sent);
}

function end(entry: SimulatedCall, how: Exclude<SimulatedCall["end"], "open">, clock: Clock): void {
  if (entry.end !== "open") return;
  entry.end = how;
  entry.endTime = new Date(clock.wallMs()).toISOString();
}
