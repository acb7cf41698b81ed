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
  apiKey?: string | readonly string[],
  otherApiKey?: string | readonly string[],
): string {
  const token = authorization === undefined ? "" : secretOf(authorization);
  const only = withKey(withKey(token, apiKey), otherApiKey);
  return only.length > maximumTokenLength ? only.slice(0, maximumTokenLength + 1) : only;
}

function secretOf(authorization: string): string {
  const bearer =
    authorization.startsWith("Bearer ") || authorization.slice(0, 7).toLowerCase() === "bearer ";
  return bearer ? authorization.slice(7).trim() : authorization;
}

/** The secret, where a second place names none or the same. */
function withKey(token: string, apiKey: string | readonly string[] | undefined): string {
  if (apiKey === undefined) return token;
  const same = typeof apiKey === "string" && (token === "" || token === apiKey);
  return same ? apiKey : differingKeys;
}
