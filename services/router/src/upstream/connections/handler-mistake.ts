import type { CallHandler } from "./call-handler.ts";

/** What a handler has thrown, which is its cause: a mistake of this process, not of a provider. */
export class HandlerMistake extends Error {
  constructor(cause: unknown) {
    super("an answer could not be taken", { cause });
    this.name = "HandlerMistake";
  }
}

/**
 * Tells the end of a call where nobody above could catch what its handler throws, which would end
 * the process. That is told to it as well; one that throws even then has nobody else to tell.
 */
export function tellError(handler: CallHandler, error: Error): void {
  try {
    handler.onError(error);
  } catch (mistake) {
    if (!(error instanceof HandlerMistake)) tellError(handler, new HandlerMistake(mistake));
  }
}
