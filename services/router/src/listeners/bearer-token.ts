/** Longest secret that is looked at; a virtual key has 66 characters. */
const maximumTokenLength = 512;

/**
 * The secret of a request from the places callers may put it; empty when there is none, and
 * undefined when two places name different ones or one is too long to be a key.
 */
export function bearerToken(
  authorization: string | undefined,
  ...apiKeys: readonly (string | readonly string[] | undefined)[]
): string | undefined {
  let token = "";
  if (authorization !== undefined) {
    const scheme = authorization.slice(0, 7).toLowerCase();
    token = scheme === "bearer " ? authorization.slice(7).trim() : authorization;
  }
  for (const apiKey of apiKeys) {
    if (apiKey === undefined) continue;
    if (typeof apiKey !== "string" || (token !== "" && token !== apiKey)) return undefined;
    token = apiKey;
  }
  return token.length > maximumTokenLength ? undefined : token;
}
