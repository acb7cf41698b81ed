import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { GatewayError } from "@penstock/errors";
import type { BodyBudget } from "./body-budget.ts";
import { codingOf, readCodings } from "./body-decoders.ts";
import { bodyTooLarge, maximumBodyBytes, tooManyBodies } from "./body-errors.ts";

/** Checks what the head says about the body, before a byte of it is read. */
export function checkBodyHead(headers: IncomingHttpHeaders): GatewayError | undefined {
  if (!isJson(headers["content-type"])) {
    return new GatewayError(
      "UNSUPPORTED_MEDIA_TYPE",
      "The body must be JSON in UTF-8. Send `Content-Type: application/json`.",
    );
  }
  const encoding = headers["content-encoding"];
  if (encoding !== undefined && codingOf(encoding) === undefined) {
    return new GatewayError(
      "UNSUPPORTED_MEDIA_TYPE",
      `The body's Content-Encoding is not read here. Send it plain, or as one of ${readCodings}.`,
    );
  }
  const length = Number(headers["content-length"] ?? 0);
  return length > maximumBodyBytes ? bodyTooLarge() : undefined;
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
    request.on("close", () => {
      this.#over = true;
      this.#drop();
    });
    request.on("end", () => this.#end());
  }

  add(piece: Buffer): void {
    if (this.#over) return;
    if (this.#heldBytes + piece.length > maximumBodyBytes) {
      this.#refuse(bodyTooLarge());
      return;
    }
    if (!this.#budget.take(piece.length)) {
      this.#refuse(tooManyBodies());
      return;
    }
    this.#heldBytes += piece.length;
    this.#pieces.push(piece);
  }

  #refuse(error: GatewayError): void {
    this.#over = true;
    this.#drop();
    this.#done(error);
  }

  #end(): void {
    if (this.#over) return;
    this.#giveBack();
    const pieces = this.#pieces;
    // The request's listeners keep this object until the answer has ended.
    this.#pieces = [];
    const [only] = pieces;
    this.#done(pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces));
  }

  #drop(): void {
    this.#pieces = [];
    this.#giveBack();
  }

  #giveBack(): void {
    this.#budget.give(this.#heldBytes);
    this.#heldBytes = 0;
  }
}
