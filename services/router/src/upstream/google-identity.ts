import { Secret } from "@penstock/runtime";
import type { OAuth2ClientOptions } from "google-auth-library";
import type { CloudIdentity, ExpiringSecret } from "./cloud-identity.ts";

/** What Vertex AI asks for. */
const scopes = "https://www.googleapis.com/auth/cloud-platform";

/** The library asks further services for the project of an identity, which nothing here needs. */
const projectId = "unused";

/** What may differ from the usual, for tests. */
export interface GoogleIdentityOptions {
  /** How the library calls Google. */
  readonly transporterOptions?: OAuth2ClientOptions["transporterOptions"];
}

/**
 * Google's application default credentials: the file that GOOGLE_APPLICATION_CREDENTIALS names (key
 * of a service account, or federation of another identity), the one that gcloud wrote, or the
 * metadata server of the machine. The reference is `google-adc:`, nothing behind the colon.
 */
export function createGoogleIdentity(options: GoogleIdentityOptions = {}): CloudIdentity {
  return {
    displayName: "Google Cloud",
    scheme: "google-adc",
    obtain: (_argument, signal) => abortable(obtainToken(options), signal),
  };
}

/** With a client of its own each time: files may have changed, and the library remembers tokens. */
async function obtainToken({ transporterOptions }: GoogleIdentityOptions): Promise<ExpiringSecret> {
  // Loaded when it is needed: most routers never do.
  const { GoogleAuth } = await import("google-auth-library");
  const client = await new GoogleAuth({
    scopes,
    projectId,
    ...(transporterOptions === undefined ? {} : { clientOptions: { transporterOptions } }),
  }).getClient();
  const { token } = await client.getAccessToken();
  const expireTimeMs = client.credentials.expiry_date;
  if (!token || expireTimeMs == null) throw new Error("Google gave no access token with an end");
  return { secret: new Secret(token), expireTimeMs };
}

/** The library takes no signal; what it is doing then ends by its own timeouts, unheard. */
function abortable<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new Error("Google's identity service did not answer in time"));
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
