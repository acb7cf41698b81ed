import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from "node:zlib";
import { GatewayError } from "@penstock/errors";
import type { BodyBudget } from "./body-budget.ts";
import { bodyTooLarge, maximumBodyBytes, tooManyBodies } from "./body-errors.ts";

/** A content coding that is read, by the name of its decoder. */
export type BodyCoding = "gzip" | "deflate" | "br" | "zstd";

/** The codings that are read, for people. */
export const readCodings = "gzip, deflate, br, zstd";

const codings: ReadonlyMap<string, BodyCoding> = new Map<string, BodyCoding>([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
  ["br", "br"],
  ["zstd", "zstd"],
]);

/** What a `Content-Encoding` names: a coding, nothing at all, or undefined for what is not read. */
export function codingOf(header: string): BodyCoding | "identity" | undefined {
  const name = header.trim().toLowerCase();
  return name === "" || name === "identity" ? "identity" : codings.get(name);
}

/**
 * Bodies that are unpacked at the same time, off the loop: the pool of threads has four, and the
 * disk of the spool wants some of them.
 */
const maximumAtOnce = 2;
/** RFC 9659: no sender may ask for a larger window, which is as much memory. */
const zstdWindowLog = 23;
/** Of each piece that comes out. Unit: bytes. */
const pieceBytes = 64 * 1024;

/** Unpacks compressed bodies, a few at a time; the others wait for their turn. */
export class BodyDecoders {
  readonly #budget: BodyBudget;
  readonly #waiting: Decoding[] = [];
  #running = 0;

  /** `budget` bounds what all bodies of the process hold, packed and unpacked. */
  constructor(budget: BodyBudget) {
    this.#budget = budget;
  }

  /**
   * Calls `done` once, with what was packed, FIELD_INVALID when it is damaged, REQUEST_TOO_LARGE as
   * soon as more comes out than a body may have, or OVERLOADED when there is no room for it.
   * Never after the function that is returned was called.
   */
  decode(
    body: Buffer,
    coding: BodyCoding,
    done: (body: Buffer | GatewayError) => void,
  ): () => void {
    const decoding = new Decoding(body, coding, this.#budget);
    decoding.done = (unpacked) => {
      this.#ended(decoding);
      done(unpacked);
    };
    if (!decoding.takeRoom()) {
      done(tooManyBodies());
      return () => undefined;
    }
    this.#waiting.push(decoding);
    this.#startNext();
    return () => {
      if (decoding.stop()) this.#ended(decoding);
    };
  }

  #startNext(): void {
    while (this.#running < maximumAtOnce) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#running += 1;
      next.start();
    }
  }

  #ended(decoding: Decoding): void {
    if (decoding.started) this.#running -= 1;
    else this.#waiting.splice(this.#waiting.indexOf(decoding), 1);
    this.#startNext();
  }
}

const noBytes = Buffer.alloc(0);

/** One body on its way. Callers may keep it: once it has ended there are no bytes in it. */
class Decoding {
  done: (body: Buffer | GatewayError) => void = () => undefined;
  started = false;
  readonly #coding: BodyCoding;
  readonly #budget: BodyBudget;
  #body: Buffer;
  #pieces: Buffer[] = [];
  #decoder: ReturnType<typeof createDecoder> | undefined;
  #unpackedBytes = 0;
  #heldBytes = 0;
  #over = false;

  constructor(body: Buffer, coding: BodyCoding, budget: BodyBudget) {
    this.#body = body;
    this.#coding = coding;
    this.#budget = budget;
  }

  takeRoom(sizeBytes = this.#body.length): boolean {
    if (!this.#budget.take(sizeBytes)) return false;
    this.#heldBytes += sizeBytes;
    return true;
  }

  start(): void {
    const decoder = createDecoder(this.#coding, this.#body);
    this.started = true;
    this.#decoder = decoder;
    decoder.on("data", (piece: Buffer) => this.#add(piece));
    decoder.on("error", () => this.#end(damaged(this.#coding)));
    decoder.on("end", () => {
      const isAll = decoder.bytesWritten === this.#body.length;
      this.#end(isAll ? Buffer.concat(this.#pieces) : damaged(this.#coding));
    });
    decoder.end(this.#body);
  }

  /** Ends it without a word; false: it has ended already. */
  stop(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#budget.give(this.#heldBytes);
    this.#decoder?.destroy();
    this.#decoder = undefined;
    this.#body = noBytes;
    this.#pieces = [];
    return true;
  }

  #add(piece: Buffer): void {
    if (this.#over) return;
    this.#unpackedBytes += piece.length;
    if (this.#unpackedBytes > maximumBodyBytes) this.#end(bodyTooLarge());
    else if (!this.takeRoom(piece.length)) this.#end(tooManyBodies());
    else this.#pieces.push(piece);
  }

  #end(body: Buffer | GatewayError): void {
    if (this.stop()) this.done(body);
  }
}

function createDecoder(coding: BodyCoding, body: Buffer) {
  const options = { chunkSize: pieceBytes };
  switch (coding) {
    case "gzip":
      return createGunzip(options);
    case "deflate":
      // Meant is zlib's form; some send what is in it alone. The low half of zlib's first byte is 8.
      return ((body[0] ?? 8) & 0x0f) === 8 ? createInflate(options) : createInflateRaw(options);
    case "br":
      return createBrotliDecompress(options);
    case "zstd":
      return createZstdDecompress({
        ...options,
        params: { [constants.ZSTD_d_windowLogMax]: zstdWindowLog },
      });
  }
}

function damaged(coding: BodyCoding): GatewayError {
  return new GatewayError(
    "FIELD_INVALID",
    `The body can't be unpacked: it is not ${coding}, as Content-Encoding says, or damaged or cut off.`,
    { fieldViolations: [{ field: "content-encoding", description: "does not fit the body" }] },
  );
}
