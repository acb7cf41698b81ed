/**
 * What the items of a message carried besides what the canonical message has a place for. It
 * travels in `format_parameters`, and is laid under the items when they are written again.
 */
export interface MessageOverlay {
  /** Members of the item, for a message that is one item. */
  item?: Record<string, unknown>;
  /** Members of the item that begins with a part, by the position of the part. */
  items?: Record<string, Record<string, unknown>>;
  /** Members of the content, by the position of the part, or of the part of a tool result. */
  parts?: Record<string, Record<string, unknown>>;
}

/** Notes members of an item that begins at a part. */
export function noteItem(
  overlay: MessageOverlay,
  part: number,
  members: Record<string, unknown> | undefined,
): void {
  if (members !== undefined) (overlay.items ??= {})[String(part)] = members;
}

/** Notes members of a part. */
export function notePart(
  overlay: MessageOverlay,
  part: number,
  members: Record<string, unknown> | undefined,
): void {
  if (members !== undefined) (overlay.parts ??= {})[String(part)] = members;
}

/** Whether there is anything in it. */
export function hasOverlay({ item, items, parts }: MessageOverlay): boolean {
  return item !== undefined || items !== undefined || parts !== undefined;
}
