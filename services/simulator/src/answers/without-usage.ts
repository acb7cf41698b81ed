/** What the formats call their usage, in whole answers and in streams. */
const usageMembers = ["usage", "usageMetadata"];
/** Streams wrap an answer in an event, so that usage stands one level deeper. */
const deepest = 2;

/** A JSON document without its usage. */
export function withoutUsage(body: string): string {
  return JSON.stringify(stripped(JSON.parse(body), 0));
}

/** Events of a stream without usage; other lines stay as they are. */
export function eventsWithoutUsage(text: string): string {
  return text.replaceAll(/^data: (\{.*\})(\r?)$/gm, (_line, json: string, end: string) => {
    return `data: ${withoutUsage(json)}${end}`;
  });
}

function stripped(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  if (depth > deepest) return value;
  const members = Object.entries(value).filter(([name]) => !usageMembers.includes(name));
  return Object.fromEntries(members.map(([name, member]) => [name, stripped(member, depth + 1)]));
}
