import type { MissingCredential } from "@penstock/api";
import type { createRouterClient } from "../api/clients.ts";
import { printError } from "../output/print-error.ts";
import type { Finding } from "./check.ts";

/** How many deployments are named; all are counted. */
const mostNamed = 3;

/**
 * What the router that is asked lacks to call its providers. It is the router's environment and
 * files that count, not those of whoever looks.
 */
export async function checkCredentials(
  router: (() => Pick<ReturnType<typeof createRouterClient>, "listTargetHealth">) | undefined,
): Promise<Finding[]> {
  const check = "credentials";
  if (router === undefined) {
    const detail = "no router was asked which credentials it has";
    const advice = "Name its admin port with --admin-url or PENSTOCK_ADMIN_URL.";
    return [{ check, state: "warn", detail, advice }];
  }
  try {
    const { missingCredentials } = await router().listTargetHealth({});
    if (missingCredentials.length > 0) return missingCredentials.map(missing);
    return [{ check, state: "ok", detail: "the router has all that its deployments need" }];
  } catch (thrown) {
    const [sentence = ""] = printError(thrown).text.split("\n");
    const detail = `the router did not say: ${sentence.replace(/^penstock: /, "")}`;
    return [{ check, state: "warn", detail }];
  }
}

function missing({ provider, reference, problem, deployments }: MissingCredential): Finding {
  const named = deployments.slice(0, mostNamed).join(", ");
  const more = deployments.length - Math.min(deployments.length, mostNamed);
  const who = more > 0 ? `${named} and ${more} more` : named;
  const what = reference === "" ? "credential" : reference;
  return {
    check: `credential of ${provider}`,
    state: "fail",
    detail: `${what} ${problem}; not asked: ${who} [CREDENTIAL_MISSING]`,
    advice: adviceFor(reference, provider),
  };
}

/** By the scheme of the reference; see the field `credential` of Provider. */
function adviceFor(reference: string, provider: string): string {
  const colon = reference.indexOf(":");
  const name = reference.slice(colon + 1);
  switch (reference.slice(0, Math.max(colon, 0))) {
    case "":
      return `Give ${provider} a credential, env:NAME or file:PATH, and apply it.`;
    case "env":
      return `Set ${name} where the router is started, and start it again.`;
    case "file":
      return `Write the secret into ${name}, readable by the router; it looks again within 30 s.`;
    default:
      return "See what the router's log says of this identity; it tries again by itself.";
  }
}
