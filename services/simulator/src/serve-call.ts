import type { IncomingMessage, ServerResponse } from "node:http";
import { GatewayError, reasons } from "@penstock/errors";
import type { CallerRequest } from "@penstock/formats";
import type { Clock } from "@penstock/runtime";
import { answerCall } from "./answers/answer-call.ts";
import { answerError } from "./answers/answer-error.ts";
import type { Call } from "./answers/call.ts";
import type { CallLog } from "./call-log.ts";
import type { AddressedCall } from "./endpoints/endpoint.ts";
import type { FaultTurns } from "./fault-turns.ts";
import { automaticPrefixes, markedPrefixes } from "./prompt-cache.ts";
import type { CacheUse, PromptCache } from "./prompt-cache.ts";
import type { RateLimits } from "./rate-limits.ts";
import { receiveMessages } from "./received-messages.ts";
import type { ReceivedMessages } from "./received-messages.ts";
import { repliesTo } from "./reply.ts";
import { readScenario, scenarioOfCount, scenarioOfTurn, UnknownFault } from "./scenario.ts";
import type { Scenario } from "./scenario.ts";
import { kindOfStatus } from "./vendor-error.ts";
import type { SimulatedModel, SimulatedVendor } from "./vendors.ts";

/** What the simulated vendors remember from call to call. */
export interface SimulatorState {
  readonly clock: Clock;
  readonly calls: CallLog;
  readonly turns: FaultTurns;
  readonly cache: PromptCache;
  readonly limits: RateLimits;
}

/** A call whose body has been read. */
export interface ReceivedCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly addressed: AddressedCall;
  readonly vendor: SimulatedVendor;
  readonly body: Buffer;
}

/** Answers a call as its model and faults say; what is wrong with it is told in its dialect. */
export function serveCall(received: ReceivedCall, state: SimulatorState): void {
  const { response, addressed } = received;
  const { dialect } = addressed.endpoint;
  try {
    const asked = readAsked(received);
    const faults = received.request.headers["x-simulator-fault"];
    const named = asked.request.model;
    const scenario = readScenario(named, typeof faults === "string" ? faults : "");
    const model = ownModel(received.vendor, scenario.model);
    if (model === undefined) {
      const message = `the model ${scenario.model} does not exist`;
      answerError(response, dialect, { kind: "not_found", message });
      return;
    }
    answerAsked({ ...received, asked, named, scenario, model }, state);
  } catch (error) {
    if (error instanceof UnknownFault) {
      answerError(response, dialect, { kind: "bad_request", message: error.message });
    } else if (error instanceof GatewayError) {
      const status = reasons[error.reason].httpStatus;
      const { message, fieldViolations } = error;
      const parameter = fieldViolations[0]?.field;
      answerError(response, dialect, { kind: kindOfStatus(status), status, message, parameter });
    } else throw error;
  }
}

interface AskedCall extends ReceivedCall {
  readonly asked: CallerRequest;
  /** Model as asked for, faults included. */
  readonly named: string;
  readonly scenario: Scenario;
  readonly model: SimulatedModel;
}

/** The body, with what the path says in its place. */
function readAsked({ addressed, body }: ReceivedCall): CallerRequest {
  const { endpoint, model, stream = false } = addressed;
  const address = model === undefined ? undefined : { model, stream };
  const { readRequest } = addressed.counting ?? endpoint.format;
  const asked = readRequest(body, address);
  if (model !== undefined) asked.request.model = model;
  return addressed.stream === undefined ? asked : { ...asked, stream };
}

function answerAsked(call: AskedCall, state: SimulatorState): void {
  const { request, response, addressed, asked, named, model } = call;
  const { clock, calls, turns, limits } = state;
  const { counting } = addressed;
  const counts = counting !== undefined;
  // Calls that count have turns and limits of their own, as vendors keep them apart, too.
  const apart = counts ? " counted" : "";
  const whole = counts ? scenarioOfCount(call.scenario) : call.scenario;
  const scenario = scenarioOfTurn(whole, turns.next(named + apart));
  const received = receiveMessages(asked.request.messages);
  const requestId = request.headers["x-request-id"];
  const entry = calls.begin({
    vendor: addressed.vendorName,
    model: named,
    format: counting?.name ?? addressed.endpoint.format.name,
    requestId: typeof requestId === "string" ? requestId : "",
    stream: asked.stream,
    messageSha256: received.sha256,
    inputTokens: received.inputTokens,
    startTime: new Date(clock.wallMs()).toISOString(),
  });
  const limited = { ...model, ...scenario };
  const name = `${addressed.vendorName}/${named}${apart}`;
  const taken = limits.take(name, limited, received.inputTokens, clock.wallMs());
  answerCall({
    endpoint: addressed.endpoint,
    request,
    response,
    asked,
    body: JSON.parse(call.body.toString()) as Call["body"],
    scenario,
    counting,
    replies: counts ? [] : repliesTo(asked.request, received, scenario),
    entry,
    inputTokens: received.inputTokens,
    cache: taken.admitted && !counts ? useCache(call, received, state) : undefined,
    limits: taken.limits,
    limitWaitMs: taken.waitMs,
    firstTokenMs: scenario.firstTokenMs ?? model.firstTokenMs,
    tokenIntervalMs: scenario.tokenIntervalMs ?? model.tokenIntervalMs,
    clock,
  });
}

/** Undefined where nothing of the prompt can be kept. */
function useCache(
  { addressed, asked, scenario }: AskedCall,
  { inputTokens }: ReceivedMessages,
  { cache, clock }: SimulatorState,
): CacheUse | undefined {
  const { messages } = asked.request;
  const automatic = addressed.endpoint.caching === "automatic";
  const prefixes = automatic ? automaticPrefixes(messages, inputTokens) : markedPrefixes(messages);
  if (prefixes.length === 0) return undefined;
  return cache.use(`${addressed.vendorName}/${scenario.model}`, prefixes, clock.monotonicMs());
}

/** Names come from callers, who may well ask for a model called `constructor`. */
function ownModel({ models }: SimulatedVendor, name: string): SimulatedModel | undefined {
  return Object.hasOwn(models, name) ? models[name] : undefined;
}
