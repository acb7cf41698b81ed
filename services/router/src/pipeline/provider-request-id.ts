import type { HeaderGetter } from "@penstock/formats";

/** Vendors call the header differently. */
const names = ["x-request-id", "request-id", "x-amzn-requestid", "apim-request-id"];

/** Under which name the provider knows the request; empty: it told none. At most 128 characters. */
export function providerRequestId(header: HeaderGetter): string {
  for (const name of names) {
    const value = header(name);
    if (value !== undefined) return value.slice(0, 128);
  }
  return "";
}
