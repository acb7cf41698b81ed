import { differingKeys } from "../pipeline/authenticate.ts";

/** Longest secret that is looked at; a virtual key has 66 characters. */
const maximumTokenLength = 512;

/**
 * The secret of a request from the places callers may put it; empty when there is none, and
 * `differingKeys` when two places name different ones. What is too long to be a key is cut, yet
 * stays too long for one: the token of another system is a wrong key, not a missing one.
 */
export function bearerToken(
  authorization: string | undefined,
  ...apiKeys: readonly (string | readonly string[] | undefined)[]
): string {
  let token = "";
  if (authorization !== undefined) {
    const scheme = authorization.slice(0, 7).toLowerCase();
    token = scheme === "bearer " ? authorization.slice(7).trim() : authorization;
  }
  for (const apiKey of apiKeys) {
    if (apiKey === undefined) continue;
    if (typeof apiKey !== "string" || (token !== "" && token !== apiKey)) {
      return differingKeys;
    }
    token = apiKey;
  }
  return token.slice(0, maximumTokenLength + 1);
}
