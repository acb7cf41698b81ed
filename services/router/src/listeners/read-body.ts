import type { IncomingMessage } from "node:http";
import { GatewayError } from "@penstock/errors";
import type { BodyBudget } from "./body-budget.ts";

/** Largest body on either door (decisions §4). */
export const maximumBodyBytes = 32 * 1024 * 1024;

/** Checks what the head says about the body, before a byte of it is read. */
export function checkBodyHead(request: IncomingMessage): GatewayError | undefined {
  const { headers } = request;
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
 * goes away meanwhile.
 */
export function readBody(
  request: IncomingMessage,
  budget: BodyBudget,
  done: (body: Buffer | GatewayError) => void,
): void {
  let first: Buffer | undefined;
  let rest: Buffer[] | undefined;
  let heldBytes = 0;
  let over = false;
  const giveBack = (): void => {
    budget.give(heldBytes);
    heldBytes = 0;
  };
  const refuse = (error: GatewayError): void => {
    over = true;
    first = undefined;
    rest = undefined;
    giveBack();
    done(error);
  };
  request.on("close", giveBack);
  request.on("data", (chunk: Buffer) => {
    if (over) return;
    if (heldBytes + chunk.length > maximumBodyBytes) {
      refuse(tooLarge());
      return;
    }
    if (!budget.take(chunk.length)) {
      refuse(tooManyAtOnce());
      return;
    }
    heldBytes += chunk.length;
    if (first === undefined) first = chunk;
    else (rest ??= [first]).push(chunk);
  });
  request.on("end", () => {
    if (over) return;
    giveBack();
    done(rest === undefined ? (first ?? Buffer.alloc(0)) : Buffer.concat(rest));
  });
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
