/** What names of events are made of: nothing that ends a line, or that a client cuts off. */
const eventName = /^[\w.:-]{1,128}$/;

/**
 * The line that names an event. Empty where the name, which may be a stranger's, is none: a line
 * feed in it would begin an event of its own. Such an event goes on without a name, as its data
 * says what it is.
 */
export function eventLine(name: string): string {
  return eventName.test(name) ? `event: ${name}\n` : "";
}
