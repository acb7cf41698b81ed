import { isIP } from "node:net";

const label = /^[a-z0-9_](?:[-_a-z0-9]{0,61}[a-z0-9_])?$/i;
/** RFC 1035 §2.3.4, as text without the point at the end. */
const nameCharacters = 253;

/** Why a text is no host that a certificate can be good for; undefined for one that is. */
export function hostProblem(host: string): string | undefined {
  if (host === "") return "is empty";
  if (isIP(host) !== 0) return undefined;
  if (/\s/.test(host)) return "has a space in it";
  if (host.includes("://")) return "has a scheme; leave it out";
  if (/^\[.*\]$/.test(host)) return "has brackets; write an IPv6 address without them";
  if (host.includes("/")) return "has a path; leave it out";
  if (/:\d*$/.test(host)) return "has a port; leave it out";
  if (host.length > nameCharacters) return `is longer than ${nameCharacters} characters`;
  return nameProblem(host.split("."));
}

function nameProblem(labels: readonly string[]): string | undefined {
  const [first = "", ...others] = labels;
  const isWildcard = first === "*" && others.length > 0;
  const named = isWildcard ? others : labels;
  if (named.some((one) => one.includes("*"))) {
    return "has a * where none may be; it stands for the whole first part, as in *.internal";
  }
  if (!named.every((one) => label.test(one))) return "is neither a host name nor an IP address";
  // No top-level domain is a number: that is an address with a part that can't be.
  return /^\d+$/.test(named.at(-1) ?? "") ? "is no IP address, but ends like one" : undefined;
}
