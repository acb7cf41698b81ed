/** The address under which this machine reaches what is bound to `bindAddress`. */
export function reachableHost(bindAddress: string): string {
  if (bindAddress === "0.0.0.0") return "127.0.0.1";
  if (bindAddress === "::") return "[::1]";
  return bindAddress.includes(":") ? `[${bindAddress}]` : bindAddress;
}

/** `host:port` for this machine. */
export function reachableAddress(bindAddress: string, port: number): string {
  return `${reachableHost(bindAddress)}:${port}`;
}
