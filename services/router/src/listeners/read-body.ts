import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { GatewayError } from "@penstock/errors";
import type { BodyBudget } from "./body-budget.ts";

/** Largest body on either door (decisions §4). */
export const maximumBodyBytes = 32 * 1024 * 1024;

/** Checks what the head says about the body, before a byte of it is read. */
export function checkBodyHead(headers: IncomingHttpHeaders): GatewayError | undefined {
  if (!isJson(headers["content-type"])) {
    return new GatewayError(
      "UNSUPPORTED_MEDIA_TYPE",
      "The body must be JSON in UTF-8. Send `Content-Type: application/json`.",
    );
  }
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding !== "identity") {
    return new GatewayError(
      "UNSUPPORTED_MEDIA_TYPE",
      "Compressed bodies are not read here. Send the body without `Content-Encoding`.",
    );
  }
  const length = Number(headers["content-length"] ?? 0);
  return length > maximumBodyBytes ? tooLarge() : undefined;
}

function isJson(contentType = ""): boolean {
  // As nearly everybody writes it.
  if (contentType === "application/json") return true;
  const [type = "", ...parameters] = contentType.toLowerCase().split(";");
  const charset = parameters.find((parameter) => parameter.trim().startsWith("charset="));
  const utf8 = charset === undefined || /^\s*charset="?utf-?8"?\s*$/.test(charset);
  return type.trim() === "application/json" && utf8;
}

/**
 * Reads a body up to the size limit and calls `done` once, with the bytes, with REQUEST_TOO_LARGE,
 * or with OVERLOADED when all arriving bodies together are too many. Not called when the caller
 * goes away meanwhile. Most bodies come in one piece: nothing is gathered then, nor waited for.
 */
export function readBody(
  request: IncomingMessage,
  budget: BodyBudget,
  done: (body: Buffer | GatewayError) => void,
): void {
  const announced = Number(request.headers["content-length"] ?? 0);
  let gathered = announced > 0 ? undefined : new GatheredBody(request, budget, done);
  request.on("data", (chunk: Buffer) => {
    if (gathered === undefined && chunk.length === announced && budget.take(announced)) {
      budget.give(announced);
      done(chunk);
      return;
    }
    gathered ??= new GatheredBody(request, budget, done);
    gathered.add(chunk);
  });
}

/** A body in several pieces, or of a size that nobody has told. */
class GatheredBody {
  readonly #budget: BodyBudget;
  readonly #done: (body: Buffer | GatewayError) => void;
  #pieces: Buffer[] = [];
  #heldBytes = 0;
  #over = false;

  constructor(
    request: IncomingMessage,
    budget: BodyBudget,
    done: (body: Buffer | GatewayError) => void,
  ) {
    this.#budget = budget;
    this.#done = done;
    request.on("close", () => this.#giveBack());
    request.on("end", () => this.#end());
  }

  add(piece: Buffer): void {
    if (this.#over) return;
    if (this.#heldBytes + piece.length > maximumBodyBytes) {
      this.#refuse(tooLarge());
      return;
    }
    if (!this.#budget.take(piece.length)) {
      this.#refuse(tooManyAtOnce());
      return;
    }
    this.#heldBytes += piece.length;
    this.#pieces.push(piece);
  }

  #refuse(error: GatewayError): void {
    this.#over = true;
    this.#pieces = [];
    this.#giveBack();
    this.#done(error);
  }

  #end(): void {
    if (this.#over) return;
    this.#giveBack();
    const [only] = this.#pieces;
    this.#done(
      this.#pieces.length === 1 && only !== undefined ? only : Buffer.concat(this.#pieces),
    );
  }

  #giveBack(): void {
    this.#budget.give(this.#heldBytes);
    this.#heldBytes = 0;
  }
}

function tooManyAtOnce(): GatewayError {
  return new GatewayError("OVERLOADED", "The gateway is reading too many bodies at once.", {
    retryAfterMs: 1_000,
  });
}

function tooLarge(): GatewayError {
  return new GatewayError(
    "REQUEST_TOO_LARGE",
    `The body is larger than ${maximumBodyBytes} bytes. Send less.`,
    { metadata: { maximum_bytes: String(maximumBodyBytes) } },
  );
}
