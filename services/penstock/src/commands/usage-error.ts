/** A command that was called wrongly; the message says how it is meant. Ends with exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
