const prefix = "gcall_";
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

/** What the wire gets to see of an id: nothing when it was made here. */
export function wireCallId(id: string): string | undefined {
  return id.startsWith(prefix) ? undefined : id;
}

/** FNV-1a, 32 bits: no secret, only a name that is stable. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return (value >>> 0).toString(16).padStart(8, "0");
}
