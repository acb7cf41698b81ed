import type { StreamMessage } from "../event-stream.ts";

const headStart = "NATS/1.0\r\nNats-Msg-Id: ";
const traceStart = "\r\ntraceparent: ";
const headEnd = "\r\n\r\n";
// `HPUB `, four spaces and line ends, the longest numbers.
const commandBytes = 64;
const carriageReturn = 13;
const lineFeed = 10;

/** True for text that can stand in a header line: printable ASCII, so that it can't end the line. */
export function isHeaderText(text: string): boolean {
  return /^[!-~][ -~]{0,255}$/.test(text);
}

/** True for a subject that may be published to. */
export function isSubject(text: string): boolean {
  return /^[\w$-]+(?:\.[\w$-]+)*$/.test(text) && text.length <= 512;
}

/**
 * The bytes of one batch for the socket, `HPUB <subject> <reply> <head> <all>\r\n<head><payload>`
 * for each message, its reply being `replyStart` and its index. The caller has checked the texts.
 */
export function encodeBatch(messages: readonly StreamMessage[], replyStart: string): Uint8Array {
  const bytes = Buffer.allocUnsafe(boundOf(messages, replyStart.length));
  let at = 0;
  for (const [index, message] of messages.entries()) {
    const { id, subject, payload, traceparent } = message;
    let head = headStart + id;
    if (traceparent !== undefined && traceparent !== "") head += traceStart + traceparent;
    const headBytes = head.length + headEnd.length;
    const command = `HPUB ${subject} ${replyStart}${index} ${headBytes} ${headBytes + payload.length}`;
    at += bytes.write(`${command}\r\n${head}${headEnd}`, at, "latin1");
    bytes.set(payload, at);
    at += payload.length;
    bytes[at] = carriageReturn;
    bytes[at + 1] = lineFeed;
    at += 2;
  }
  return bytes.subarray(0, at);
}

function boundOf(messages: readonly StreamMessage[], replyLength: number): number {
  let bound = 0;
  for (const { id, subject, payload, traceparent = "" } of messages) {
    const head = headStart.length + id.length + traceStart.length + traceparent.length;
    bound += commandBytes + subject.length + replyLength + head + headEnd.length + payload.length;
  }
  return bound;
}
