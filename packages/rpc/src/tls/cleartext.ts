import { GatewayError } from "@penstock/errors";

/** Whether a URL's host is this machine, so that what is sent to it stays here. */
export function isLoopback(url: URL): boolean {
  const host = url.hostname;
  return (
    host === "localhost" ||
    host.endsWith(".localhost") ||
    host === "[::1]" ||
    /^127(?:\.\d{1,3}){3}$/.test(host)
  );
}

/**
 * Refuses to send a token in cleartext over a network, where anybody on the way could keep it.
 * Throws FIELD_INVALID that says what to set.
 */
export function assertTokenStaysSecret(url: URL, allowCleartext: boolean): void {
  if (url.protocol !== "http:" || allowCleartext || isLoopback(url)) return;
  throw new GatewayError(
    "FIELD_INVALID",
    `A token would go to ${url.origin} in cleartext. Use https:// with PENSTOCK_TLS_CA, or set ` +
      "PENSTOCK_ALLOW_CLEARTEXT=on where the network itself encrypts.",
    { source: "gateway" },
  );
}
