/** RFC 9110 §5.5 and §5.6.2, RFC 9112 §3.2; what is no Latin-1 can't be sent at all. */
const headerName = /^[\w!#$%&'*+.^`|~-]+$/;
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/;
const target = /^\/[\x21-\xff]*$/;

/** Headers as lines; flat: name, value. Undefined: one of them is no valid HTTP. */
export function headerLines(flat: readonly string[]): string | undefined {
  let lines = "";
  for (let at = 0; at < flat.length; at += 2) {
    const [name = "", value = ""] = [flat[at], flat[at + 1]];
    if (!headerName.test(name) || !headerValue.test(value)) return undefined;
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

/**
 * Head of a call without its length, and without the empty line. Undefined: the path or one of the
 * headers is no valid HTTP.
 */
export function requestHead(
  path: string,
  host: string,
  headers: readonly string[],
): string | undefined {
  const lines = headerLines(headers);
  if (lines === undefined || !target.test(path)) return undefined;
  return `POST ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n${lines}`;
}
