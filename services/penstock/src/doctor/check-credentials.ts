import type { MissingCredential, TargetHealth } from "@penstock/api";
import type { createRouterClient } from "../api/clients.ts";
import { printError } from "../output/print-error.ts";
import type { Finding } from "./check.ts";

/** A router names no more deployments of a provider (proto MissingCredential). */
const mostDeployments = 20;
/** How many deployments of a refusal are named; all are counted. */
const mostNamed = 3;

/**
 * What the router that is asked lacks to call its providers, and what they refuse it. It is the
 * router's environment and files that count, not those of whoever looks.
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
    const { missingCredentials, targets } = await router().listTargetHealth({});
    const found = [...byReference(missingCredentials).map(missing), ...refusals(targets)];
    if (found.length > 0) return found;
    return [
      {
        check,
        state: "ok",
        detail: "the router has all that its deployments need, and none is refused",
      },
    ];
  } catch (thrown) {
    const [sentence = ""] = printError(thrown).text.split("\n");
    const detail = `the router did not say: ${sentence.replace(/^penstock: /, "")}`;
    return [{ check, state: "warn", detail }];
  }
}

/** What providers refuse now, those of one refusal together. */
function refusals(targets: readonly TargetHealth[]): Finding[] {
  const refused = targets.filter(({ reason }) => Object.hasOwn(refusalAdvice, firstWord(reason)));
  const byRefusal = Map.groupBy(refused, ({ reason, refusal }) => `${reason} ${refusal}`);
  return [...byRefusal.values()].map((alike) => {
    const { reason = "", refusal = "" } = alike[0] ?? {};
    const [what = "", advice = ""] = refusalAdvice[firstWord(reason)] ?? [];
    const said = refusal === "" ? "" : `: ${refusal}`;
    const who = listed(alike.map(({ deployment }) => deployment));
    return {
      check: "credentials",
      state: "warn",
      detail: `${what}${said}; not asked: ${who}`,
      advice,
    };
  });
}

/** Behind it may stand in how many workers that is so. */
function firstWord(reason: string): string {
  return reason.split(" ", 1)[0] ?? "";
}

/** By the reason for which a target is not planned: what happened, and what to do. */
const refusalAdvice: Readonly<Record<string, readonly [string, string]>> = {
  credential_refused: [
    "a provider refused the router's credential",
    "Put a good secret where the provider's credential is read: a file is read again within 30 s " +
      "and then tried at once, a variable needs another start.",
  ],
  deployment_refused: [
    "a provider does not know the model or the path, redirects, or refused the model to the credential",
    "See whether the deployment's model and the provider's base URL are right, and what the credential " +
      "may use at the provider.",
  ],
  used_up: [
    "a provider says that the account is used up",
    "See to the account at the provider, or put another account's secret into the credential's file.",
  ],
};

function listed(deployments: readonly string[]): string {
  const named = deployments.slice(0, mostNamed).join(", ");
  const more = deployments.length - Math.min(deployments.length, mostNamed);
  return more > 0 ? `${named} and ${more} more` : named;
}

/** One secret may serve many providers: what lacks it is told once. */
function byReference(missing: readonly MissingCredential[]): MissingCredential[][] {
  const groups = Map.groupBy(missing, ({ provider, reference, problem }) =>
    reference === "" ? provider : `${reference}\0${problem}`,
  );
  return [...groups.values()];
}

function missing(group: readonly MissingCredential[]): Finding {
  const [{ provider, reference, problem } = { provider: "", reference: "", problem: "" }] = group;
  const what = reference === "" ? "credential" : reference;
  return {
    check: reference === "" ? `credential of ${provider}` : `credential ${reference}`,
    state: "fail",
    detail: `${what} ${problem}; not asked: ${group.map(unasked).join(", ")} [CREDENTIAL_MISSING]`,
    advice: adviceFor(reference, provider),
  };
}

function unasked({ provider, deployments }: MissingCredential): string {
  const [only] = deployments;
  if (only === undefined) return provider;
  if (deployments.length === 1) return `${only} of ${provider}`;
  const more = deployments.length < mostDeployments ? "" : " or more";
  return `${deployments.length}${more} deployments of ${provider}`;
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
