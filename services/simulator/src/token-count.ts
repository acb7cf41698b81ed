/**
 * Counts tokens as the simulated vendors bill them: every run of characters above U+0020 (blank) is
 * one token. Nothing like a real tokenizer, but anyone can count it again.
 */
export function countTokens(text: string): number {
  let count = 0;
  let inside = false;
  for (let at = 0; at < text.length; at += 1) {
    const space = text.charCodeAt(at) <= 0x20;
    if (!space && !inside) count += 1;
    inside = !space;
  }
  return count;
}
