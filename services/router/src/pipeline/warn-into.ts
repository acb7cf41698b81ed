/** Most warnings about one body; more would tell the caller nothing new. */
const mostWarnings = 32;

/** Takes what the writer of a body warns of into a list, each once. */
export function warnInto(warnings: string[]): (warning: string) => void {
  return (warning) => {
    if (warnings.length < mostWarnings && !warnings.includes(warning)) warnings.push(warning);
  };
}
