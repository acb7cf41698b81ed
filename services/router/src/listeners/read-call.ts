import type { CallerRequest } from "@penstock/formats";
import { headOfVectors } from "../pipeline/head-of-vectors.ts";
import type { RequestContext } from "../pipeline/request-context.ts";
import type { HttpDownstream } from "./http-downstream.ts";
import { streamMemberBytes } from "./stream-members.ts";
import type { CallEndpoint, CountEndpoint, GenerateEndpoint } from "./http-endpoints.ts";

/** Reads a body in the format of its endpoint. Throws what is wrong with it. */
export function readCall(
  context: RequestContext,
  downstream: HttpDownstream,
  endpoint: CallEndpoint,
  body: Buffer,
): void {
  context.requestBytes = body.length;
  if (endpoint.operation === "generate") {
    readGenerate(context, downstream, endpoint, body);
    return;
  }
  if (endpoint.operation === "count_tokens") {
    downstream.counting = endpoint.counting;
    takeRequest(context, endpoint, endpoint.counting.readRequest(body), body);
    return;
  }
  const { request, wishDialect, report } = endpoint.embeddings.readRequest(body);
  context.vectors = request;
  context.request = headOfVectors(request);
  context.wishDialect = wishDialect;
  context.report = report;
}

function readGenerate(
  context: RequestContext,
  downstream: HttpDownstream,
  endpoint: GenerateEndpoint,
  body: Buffer,
): void {
  const read = endpoint.format.readRequest(body);
  const { stream, includeUsage } = read;
  takeRequest(context, endpoint, read, body);
  context.requestBytes -= streamMemberBytes(endpoint.format.name, read);
  downstream.said = read.said;
  context.stream = stream;
  context.includeUsage = includeUsage;
  const keepaliveMs = downstream.keepaliveAskedMs ?? context.caller?.keepaliveIntervalMs;
  if (stream && keepaliveMs !== undefined) downstream.keepAlive(keepaliveMs);
}

function takeRequest(
  context: RequestContext,
  { format }: GenerateEndpoint | CountEndpoint,
  read: CallerRequest,
  body: Buffer,
): void {
  const { request, forwardable } = read;
  context.request = request;
  context.wishDialect = read.wishDialect;
  context.report = read.report ?? false;
  // A header says more of a session than a field that stands for something else besides.
  if (context.session === "") context.session = read.session ?? "";
  context.callerFormat = format.name;
  context.original = { bytes: body, forwardable };
}
