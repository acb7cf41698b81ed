import { isAddressAllowed, isMetadataAddress, type AddressPolicy } from "./address-guard.ts";
import { parseIpAddress } from "./ip-address.ts";

/** What a provider's configuration allows of its base URL. */
export interface BaseUrlPolicy extends AddressPolicy {
  /** `http:` is allowed for a public host too. */
  allowInsecure: boolean;
}

/** A base URL in the one form that is stored and compared, or why it is refused. */
export type BaseUrlCheck =
  | {
      ok: true;
      /** The whole, without a slash at the end. */
      url: string;
      /** Scheme, host and port. */
      origin: string;
      /** Path without a slash at the end; empty for none. */
      path: string;
    }
  | { ok: false; problem: string };

const maxUrlLength = 2_048;
const metadataNames = new Set([
  "metadata",
  "metadata.google.internal",
  "metadata.goog",
  "instance-data",
  "instance-data.ec2.internal",
]);
const privateSuffixes = [".localhost", ".local", ".internal", ".lan", ".home.arpa"];

/**
 * Checks the base URL of a provider by its text alone; what its name resolves to is checked when
 * connecting. Never throws. `https:` only, unless the network is private or insecurity is allowed
 * by name; addresses instead of names only in a private network; metadata services never.
 */
export function checkBaseUrl(text: string, policy: BaseUrlPolicy): BaseUrlCheck {
  const problem = checkText(text);
  if (problem !== undefined) return { ok: false, problem };
  const url = parse(text);
  if (url === undefined) return { ok: false, problem: "is not a URL" };
  const host = plainHost(url.hostname);
  const refusal = checkScheme(url, policy) ?? checkHost(host, policy) ?? checkPath(url);
  if (refusal !== undefined) return { ok: false, problem: refusal };
  const written = host.includes(":") ? `[${host}]` : host;
  const origin = `${url.protocol}//${written}${url.port === "" ? "" : `:${url.port}`}`;
  const path = url.pathname.replace(/\/$/, "");
  return { ok: true, url: origin + path, origin, path };
}

/** What a parser would silently mend is refused while it can still be seen. */
function checkText(text: string): string | undefined {
  if (text.length > maxUrlLength) return `is longer than ${maxUrlLength} characters`;
  if (/[\p{Cc}\p{Cf}\s]/u.test(text)) return "must not contain spaces or control characters";
  if (text.includes("\\")) return "must not contain a backslash";
  if (text.includes("?")) return "must not have a query";
  if (text.includes("#")) return "must not have a fragment";
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/]/i.test(text)) return "must begin with https:// and a host";
  const authority = /^[^/]*\/\/([^/]*)/.exec(text)?.[1] ?? "";
  if (authority.includes("@")) return "must not contain a user name or password";
  if (text.includes("%")) return "must not have an escape";
  if (/\/\.{1,2}(?:\/|$)/.test(text)) return "must not have a dot segment in its path";
  return undefined;
}

function parse(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

/** Without the brackets of IPv6 and the dot that ends a fully qualified name. */
function plainHost(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
}

function checkScheme(url: URL, policy: BaseUrlPolicy): string | undefined {
  if (url.protocol === "https:") return undefined;
  if (url.protocol !== "http:") return "must begin with https://";
  if (policy.privateNetwork || policy.allowInsecure) return undefined;
  return "must begin with https:// unless the provider is in a private network";
}

function checkHost(host: string, policy: BaseUrlPolicy): string | undefined {
  if (host === "") return "must have a host";
  if (metadataNames.has(host) || isMetadataAddress(host)) {
    return "names a metadata service, which is never allowed";
  }
  if (parseIpAddress(host) !== undefined) {
    const listed = (policy.allowedCidrs ?? []).length > 0;
    if (!policy.privateNetwork && !listed) {
      return "must have a name, not an address, unless the provider is in a private network";
    }
    return isAddressAllowed(host, policy) ? undefined : "is an address that is not allowed";
  }
  if (!/^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/.test(host) || host.includes("..")) {
    return "has a host that is no name";
  }
  if (policy.privateNetwork) return undefined;
  const internal = !host.includes(".") || privateSuffixes.some((suffix) => host.endsWith(suffix));
  return internal ? "has an internal host; the provider must be in a private network" : undefined;
}

function checkPath(url: URL): string | undefined {
  if (url.port === "0") return "must not have port 0";
  if (!/^[A-Za-z0-9._~/-]*$/.test(url.pathname)) return "has a character not allowed in its path";
  if (url.pathname.includes("//")) return "must not have an empty segment in its path";
  return undefined;
}
