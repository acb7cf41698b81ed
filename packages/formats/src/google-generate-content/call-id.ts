const prefix = "gcall_";
const issuedPrefix = "gid_";
/** Ids of OpenAI's tool calls have at most 40 characters; ours must be good for its models too. */
const longestStem = 24;

/**
 * Id of a function call that came without one: the same for the same answer, whole or streamed.
 * `ordinal` counts the calls of the answer over all candidates.
 */
export function makeCallId(responseId: string, ordinal: number, call: string): string {
  const plain = responseId.replace(/[^A-Za-z0-9_-]/g, "");
  const stem = plain !== "" && plain.length <= longestStem ? plain : hash(responseId + call);
  return `${prefix}${stem}_${ordinal}`;
}

/** Id of a function call in a request that gives none: its place, which does not change. */
export function placeCallId(content: number, part: number): string {
  return `${prefix}${content}_${part}`;
}

/** Id of a function call to which Google itself gave one, so that it can be told from others. */
export function issuedCallId(id: string): string {
  return issuedPrefix + id;
}

/**
 * What a target gets to see of an id: that which Google gave. Ids of others, and those made here, stay
 * away: not every version of the API knows the field, and calls are matched by name and order.
 */
export function wireCallId(id: string): string | undefined {
  return id.startsWith(issuedPrefix) ? id.slice(issuedPrefix.length) : undefined;
}

/** What a caller gets to see of an id: all but those that were made here. */
export function callerCallId(id: string): string | undefined {
  return id.startsWith(prefix) ? undefined : (wireCallId(id) ?? id);
}

/** FNV-1a, 32 bits: no secret, only a name that is stable. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return (value >>> 0).toString(16).padStart(8, "0");
}
