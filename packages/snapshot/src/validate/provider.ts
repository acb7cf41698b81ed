import type { Provider } from "@penstock/api";
import { findProvider, providers } from "@penstock/providers";

import { checkProviderAddress } from "../provider-facts.ts";
import { checkCapabilities } from "./check-capabilities.ts";
import { checkText } from "./check-text.ts";
import { checkTimeouts } from "./check-timeouts.ts";
import { checkTransport } from "./check-transport.ts";
import type { ProblemList } from "./field-problem.ts";

const maxCredentialLength = 4_096;
const apiVersionPattern = /^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$/;
const credentialPattern = /^(?:env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$/;

/** Secrets of Penstock itself: a provider's address must not be a way to read them. */
const reservedVariables: ReadonlySet<string> = new Set([
  "PENSTOCK_ADMIN_TOKEN",
  "PENSTOCK_SERVICE_TOKEN",
  "PENSTOCK_DATABASE_URL",
  "PENSTOCK_BUS_URL",
  "DATABASE_URL",
  "NATS_URL",
]);

/** Checks what only providers have. */
export function checkProvider(problems: ProblemList, provider: Provider): void {
  checkKind(problems, provider);
  checkCredential(problems, provider);
  checkApiVersion(problems, provider);
  checkTransport(problems, provider.transport);
  checkCapabilities(problems, provider.capabilities);
  checkTimeouts(problems, provider.timeouts);
}

function checkKind(problems: ProblemList, provider: Provider): void {
  if (provider.kind === "") {
    problems.required("kind");
    return;
  }
  const kind = findProvider(provider.kind);
  if (kind === undefined) {
    // Of its address what holds for every kind is said at once, too.
    if (provider.baseUrl !== "") checkAddress(problems, {}, provider);
    const known = Object.keys(providers).join(", ");
    problems.invalid("kind", `is not a kind of provider that this version knows: ${known}`);
    return;
  }
  checkAddress(problems, kind, provider);
  if (kind.auth.required && provider.credential === "") {
    problems.required("credential", credentialForms(identitiesOf(provider.kind)));
  }
}

function checkAddress(
  problems: ProblemList,
  kind: Parameters<typeof checkProviderAddress>[0],
  provider: Provider,
): void {
  const address = checkProviderAddress(kind, provider);
  if (!address.ok) problems.invalid("baseUrl", address.problem);
}

/** What was given is never repeated: it may be the secret itself. */
function checkCredential(problems: ProblemList, { kind, credential }: Provider): void {
  if (credential === "") return;
  const identities = identitiesOf(kind);
  const isIdentity = identities.some((scheme) => credential.startsWith(`${scheme}:`));
  if (!isIdentity && !credentialPattern.test(credential)) {
    const forms = credentialForms(identities);
    problems.invalid("credential", `must say where the secret is, not be it: ${forms}`);
    return;
  }
  if (!checkText(problems, "credential", credential, { maxLength: maxCredentialLength })) return;
  if (credential.startsWith("env:") && reservedVariables.has(credential.slice(4))) {
    problems.invalid("credential", "names a variable reserved for Penstock itself");
  }
}

/** Of a kind that is mistyped any may have been meant. */
function identitiesOf(kind: string): readonly string[] {
  const known = findProvider(kind);
  if (known !== undefined) return known.identities ?? [];
  return Object.values(providers).flatMap(({ identities = [] }) => identities);
}

function credentialForms(identities: readonly string[]): string {
  const forms = ["env:NAME", "file:PATH", ...identities.map((scheme) => `${scheme}:`)];
  return `${forms.slice(0, -1).join(", ")} or ${forms.at(-1)}`;
}

/** It becomes part of a URL; Azure's are dates, with or without `-preview`. */
function checkApiVersion(problems: ProblemList, { kind, apiVersion }: Provider): void {
  if (apiVersion === "") return;
  if (!apiVersionPattern.test(apiVersion)) {
    problems.invalid("apiVersion", "must be at most 64 letters, digits, points and hyphens");
  } else if (findProvider(kind)?.defaultApiVersion === undefined) {
    problems.invalid("apiVersion", "is not asked for by this kind");
  }
}
