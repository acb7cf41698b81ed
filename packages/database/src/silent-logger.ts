import type { Logger } from "@penstock/observability";

/** For databases of tests, of which nobody reads a log. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};
