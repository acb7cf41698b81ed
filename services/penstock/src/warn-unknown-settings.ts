import type { Logger } from "@penstock/observability";
import type { ReadEnvironmentOptions } from "@penstock/runtime";
import { findUnknownVariables } from "@penstock/runtime";
import { callerVariables } from "./caller-variables.ts";
import { settingNames } from "./setting-names.ts";

const prefix = "PENSTOCK_";
/** What the repository's own tests are told by. */
const testPrefix = "PENSTOCK_TEST_";
/** Each has a line in the log. */
const mostTold = 20;

/**
 * Warns of variables that look like settings and are none, as a mistyped one changes nothing. They
 * are not refused: what starts a process may put variables into its environment that nobody wrote,
 * as Kubernetes does for every Service, and a newer version's setting must not keep an older one,
 * which is rolled back to, from its start.
 */
export function warnUnknownSettings(
  logger: Pick<Logger, "warn">,
  { environment }: ReadEnvironmentOptions = {},
): void {
  const known = [...settingNames, ...callerVariables];
  const surroundings = environment === undefined ? {} : { environment };
  const unknown = findUnknownVariables({ prefix, known, ...surroundings }).filter(
    ({ name }) => !name.startsWith(testPrefix),
  );
  for (const { name, nearest } of unknown.slice(0, mostTold)) {
    logger.warn("a variable of the environment is no setting and changes nothing", {
      variable: name,
      ...(nearest === undefined ? {} : { nearest }),
    });
  }
  const more = unknown.length - mostTold;
  if (more > 0) logger.warn("more variables of the environment are no settings", { more });
}
