import { isJsonObject } from "../read-json.ts";

/** Longest name of a session. Unit: characters. */
const longestSession = 128;

/**
 * The session that a `metadata.user_id` names: coding agents write it into that field, behind
 * `_session_` or as a member of a JSON object. Any other id stands for itself.
 */
export function sessionOf(userId: string | undefined): string | undefined {
  if (userId === undefined || userId === "") return undefined;
  const named = userId.includes("_session_") ? /_session_([\w-]+)$/.exec(userId)?.[1] : undefined;
  const session = named ?? jsonSession(userId) ?? userId;
  return session.slice(0, longestSession);
}

function jsonSession(userId: string): string | undefined {
  if (!userId.startsWith("{")) return undefined;
  try {
    const fields: unknown = JSON.parse(userId);
    const session = isJsonObject(fields) ? fields["session_id"] : undefined;
    return typeof session === "string" && session !== "" ? session : undefined;
  } catch {
    return undefined;
  }
}
