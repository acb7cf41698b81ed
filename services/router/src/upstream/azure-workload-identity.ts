import { readFile } from "node:fs/promises";
import { readEnvironmentVariable, Secret } from "@penstock/runtime";
import { isJsonObject } from "@penstock/formats";
import { request } from "undici";
import type { CloudIdentity, ExpiringSecret } from "./cloud-identity.ts";

const publicAuthority = "https://login.microsoftonline.com/";
/** For what tokens are good unless the reference says otherwise: Azure's models. */
const defaultScope = "https://cognitiveservices.azure.com/.default";
const longestAnswerBytes = 65_536;

/** How the place that gives tokens is found. */
export interface AzureWorkloadOptions {
  /** Reads a variable of the environment; that of the process when absent. */
  readonly readVariable?: (name: string) => string | undefined;
  /** Wall time in ms; the system's when absent. */
  readonly wallMs?: () => number;
}

/**
 * Azure workload identity: the token that Kubernetes puts into a file is exchanged for one of Entra
 * (OAuth 2.0 client credentials with a JWT as assertion, RFC 7523). The variables `AZURE_CLIENT_ID`,
 * `AZURE_TENANT_ID`, `AZURE_FEDERATED_TOKEN_FILE` and `AZURE_AUTHORITY_HOST` are those that Azure's
 * webhook sets. The argument of the reference is the scope; empty: Azure's models.
 */
export function azureWorkloadIdentity(options: AzureWorkloadOptions = {}): CloudIdentity {
  const { readVariable = readEnvironmentVariable, wallMs = Date.now } = options;
  return {
    displayName: "Microsoft Azure",
    scheme: "azure-workload",
    async obtain(argument, signal): Promise<ExpiringSecret> {
      const [clientId, tenant, tokenFile] = [
        required(readVariable, "AZURE_CLIENT_ID"),
        required(readVariable, "AZURE_TENANT_ID"),
        required(readVariable, "AZURE_FEDERATED_TOKEN_FILE"),
      ];
      const authority = authorityOf(readVariable("AZURE_AUTHORITY_HOST") ?? publicAuthority);
      const form = new URLSearchParams({
        grant_type: "client_credentials",
        client_id: clientId,
        scope: argument === "" ? defaultScope : argument,
        client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        // Read anew each time, as Kubernetes replaces it.
        client_assertion: (await readFile(tokenFile, "utf8")).trim(),
      });
      const url = new URL(`${encodeURIComponent(tenant)}/oauth2/v2.0/token`, authority);
      const answer = await post(url, form.toString(), signal);
      return readToken(answer, wallMs());
    },
  };
}

function required(read: (name: string) => string | undefined, name: string): string {
  const value = read(name);
  if (value === undefined || value === "") throw new Error(`${name} is not set`);
  return value;
}

/** The assertion must not leave the machine unencrypted. */
function authorityOf(text: string): URL {
  const url = URL.parse(text.endsWith("/") ? text : `${text}/`);
  const local = url?.hostname === "127.0.0.1" || url?.hostname === "localhost";
  if (url === null || (url.protocol !== "https:" && !(url.protocol === "http:" && local))) {
    throw new Error("AZURE_AUTHORITY_HOST must be an https address");
  }
  return url;
}

async function post(url: URL, body: string, signal: AbortSignal): Promise<Record<string, unknown>> {
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const answer = await request(url, { method: "POST", headers, body, signal });
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > longestAnswerBytes) throw new Error("Entra's answer is too large");
    chunks.push(chunk);
  }
  const fields = parse(Buffer.concat(chunks).toString());
  if (answer.statusCode === 200) return fields;
  const { error, error_description: words } = fields;
  const code = typeof error === "string" ? error : "no code";
  const [sentence = ""] = (typeof words === "string" ? words : "").split(/[\r\n]/, 1);
  throw new Error(`Entra answered ${answer.statusCode} (${code}) ${sentence}`.trim());
}

function parse(text: string): Record<string, unknown> {
  try {
    const value = JSON.parse(text) as unknown;
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}

function readToken(fields: Record<string, unknown>, nowMs: number): ExpiringSecret {
  const { access_token: token, expires_in: seconds } = fields;
  if (typeof token !== "string" || token === "") throw new Error("Entra's answer has no token");
  const lifeMs = Number(seconds) * 1_000;
  if (!(lifeMs > 0)) throw new Error("Entra's answer does not say how long its token is good");
  return { secret: new Secret(token), expireTimeMs: nowMs + lifeMs };
}
