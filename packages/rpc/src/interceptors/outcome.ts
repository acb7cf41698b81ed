import type { Interceptor } from "@connectrpc/connect";
import { GatewayError } from "@penstock/errors";

type Call = ReturnType<Interceptor>;
type Request = Parameters<Call>[0];
type Response = Awaited<ReturnType<Call>>;

/**
 * Runs a call and tells once how it ended, for streams when the last message was taken. A stream
 * that its reader leaves early ends with CANCELLED.
 */
export async function withOutcome(
  next: Call,
  request: Request,
  onEnd: (error: unknown) => void,
): Promise<Response> {
  return mapMessages(next, request, (messages) => observed(messages, onEnd), onEnd);
}

/** Runs a call and replaces whatever it throws, also while its messages are read. */
export async function mapCallErrors(
  next: Call,
  request: Request,
  map: (thrown: unknown) => Error,
): Promise<Response> {
  try {
    return await mapMessages(next, request, (messages) => mapped(messages, map));
  } catch (thrown) {
    throw map(thrown);
  }
}

async function mapMessages(
  next: Call,
  request: Request,
  wrap: <Item>(messages: AsyncIterable<Item>) => AsyncIterable<Item>,
  onEnd: (error: unknown) => void = () => undefined,
): Promise<Response> {
  let response: Response;
  try {
    response = await next(request);
  } catch (error) {
    onEnd(error);
    throw error;
  }
  if (response.stream) return { ...response, message: wrap(response.message) };
  onEnd(undefined);
  return response;
}

async function* observed<Item>(
  messages: AsyncIterable<Item>,
  onEnd: (error: unknown) => void,
): AsyncGenerator<Item> {
  let outcome: unknown = new GatewayError("CANCELLED", "The reader left the stream.");
  try {
    yield* messages;
    outcome = undefined;
  } catch (error) {
    outcome = error;
    throw error;
  } finally {
    onEnd(outcome);
  }
}

async function* mapped<Item>(
  messages: AsyncIterable<Item>,
  map: (thrown: unknown) => Error,
): AsyncGenerator<Item> {
  try {
    yield* messages;
  } catch (thrown) {
    throw map(thrown);
  }
}
