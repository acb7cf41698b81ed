import type { IncomingHttpHeaders } from "node:http";
import { findHttpEndpoint } from "./http-endpoints.ts";
import type { CallEndpoint } from "./http-endpoints.ts";
import { wrongValue } from "./request-head.ts";

/** A request in the form that nearly all have. */
export interface PlainRequest {
  readonly endpoint: CallEndpoint;
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** Where its body begins in the bytes. */
  readonly bodyStart: number;
  /** Where it ends; the bytes may end before. */
  readonly end: number;
}

/** Longest head that is looked at here. Unit: bytes. */
const longestHead = 4_096;
const mostHeaders = 100;
/** Longest body that is waited for here. Unit: bytes. */
const longestBody = 65_536;
/** Unit: bytes. */
export const longestPlainRequest = longestHead + longestBody;

/**
 * Reads the head of a request for a call, as clients write it: HTTP/1.1, a body of a length that is
 * told, printable ASCII, one space behind the colon at most, no header twice. Undefined: anything
 * else. That is not refused, but read by Node's parser, so that what is read here may be so narrow
 * that there is one way to read it.
 */
export function readPlainRequest(bytes: Buffer): PlainRequest | undefined {
  const text = bytes.toString("latin1", 0, longestHead);
  if (!text.startsWith("POST ")) return undefined;
  const targetEnd = skip(text, 5, isVisible);
  if (!text.startsWith(" HTTP/1.1\r\n", targetEnd)) return undefined;
  const endpoint = callAt(text.slice(5, targetEnd));
  if (endpoint === undefined) return undefined;
  const headers: IncomingHttpHeaders = {};
  const bodyStart = readHeaders(text, targetEnd + 11, headers);
  if (bodyStart < 0 || !isPlain(headers) || wrongValue(headers) !== undefined) return undefined;
  const length = lengthOf(headers["content-length"]);
  return length < 0 ? undefined : { endpoint, headers, bodyStart, end: bodyStart + length };
}

function callAt(target: string): CallEndpoint | undefined {
  const endpoint = findHttpEndpoint("POST", target);
  switch (endpoint?.operation) {
    case "generate":
    case "embed":
    case "count_tokens":
      return endpoint;
    default:
      return undefined;
  }
}

/** The place behind the empty line; below 0: it is not there, or a header is not plain. */
function readHeaders(text: string, from: number, headers: IncomingHttpHeaders): number {
  let at = from;
  for (let count = 0; count < mostHeaders; count += 1) {
    if (text.startsWith("\r\n", at)) return at + 2;
    const colon = skip(text, at, isToken);
    if (colon === at || text.charCodeAt(colon) !== 0x3a) return -1;
    const start = text.charCodeAt(colon + 1) === 0x20 ? colon + 2 : colon + 1;
    const end = skip(text, start, isPrintable);
    if (!text.startsWith("\r\n", end)) return -1;
    // Spaces around a value are no part of it.
    if (text.charCodeAt(start) === 0x20 || text.charCodeAt(end - 1) === 0x20) return -1;
    const name = nameOf(text.slice(at, colon));
    if (name === special || headers[name] !== undefined) return -1;
    headers[name] = text.slice(start, end);
    at = end + 2;
  }
  return -1;
}

function isPlain({ host, connection }: IncomingHttpHeaders): boolean {
  return host !== undefined && (connection === undefined || connection === keepAlive);
}

const keepAlive = "keep-alive";

/** Below 0: not told, not in plain digits, or longer than what is waited for. */
function lengthOf(given = ""): number {
  if (!/^[1-9]\d{0,4}$/.test(given)) return -1;
  const length = Number(given);
  return length > longestBody ? -1 : length;
}

/** What a character may be part of, by its code. */
const isToken = 1;
const isVisible = 2;
const isPrintable = 4;
const kinds = Uint8Array.from({ length: 256 }, (_, code) => {
  if (code === 0x20) return isPrintable;
  if (code < 0x21 || code > 0x7e) return 0;
  const token = /[\w!#$%&'*+.^`|~-]/.test(String.fromCharCode(code));
  return isVisible | isPrintable | (token ? isToken : 0);
});

/** The first place from there on with a character of another kind, or the end. */
function skip(text: string, from: number, kind: number): number {
  let at = from;
  while (((kinds[text.charCodeAt(at)] ?? 0) & kind) !== 0) at += 1;
  return at;
}

/** Headers that change how a message is read, or ask for something: Node knows them all. */
const specialNames: ReadonlySet<string> = new Set([
  "transfer-encoding",
  "content-encoding",
  "expect",
  "upgrade",
  "trailer",
  "te",
  "http2-settings",
  "proxy-connection",
]);
/** In place of a name of those. */
const special = "";

/** What `nameOf` said of the names that came first: clients write few, and the same in each call. */
const readNames = new Map<string, string>();
const mostNames = 500;
const longestName = 64;

/** A name in lower case, as everybody looks for it; `special` where it is none for here. */
function nameOf(written: string): string {
  const known = readNames.get(written);
  if (known !== undefined) return known;
  const lower = written.toLowerCase();
  const name = specialNames.has(lower) ? special : lower;
  if (readNames.size < mostNames && written.length <= longestName) {
    // A copy, as a slice would keep the whole head that it is from.
    readNames.set(Buffer.from(written, "latin1").toString("latin1"), name);
  }
  return name;
}
